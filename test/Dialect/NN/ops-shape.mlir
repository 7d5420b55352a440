// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every shape operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @shape
func.func @shape(%x: tensor<2x3xf32>, %s: tensor<f32>) {
  // CHECK: nn.broadcast %{{[^ ,]+}} dims [0, 2] : tensor<2x3xf32> to tensor<2x4x3xf32>
  %0 = nn.broadcast %x dims [0, 2] : tensor<2x3xf32> to tensor<2x4x3xf32>
  // CHECK: nn.broadcast %{{[^ ,]+}} dims [] : tensor<f32> to tensor<2x3xf32>
  %1 = nn.broadcast %s dims [] : tensor<f32> to tensor<2x3xf32>
  // CHECK: nn.reshape %{{[^ ,]+}} : tensor<2x3xf32> to tensor<6xf32>
  %2 = nn.reshape %x : tensor<2x3xf32> to tensor<6xf32>
  // CHECK: nn.transpose %{{[^ ,]+}} [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
  %3 = nn.transpose %x [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
  // CHECK: nn.slice %{{[^ ,]+}} [0, 1] to [2, 3] step [1, 2] : tensor<2x3xf32> to tensor<2x1xf32>
  %4 = nn.slice %x [0, 1] to [2, 3] step [1, 2] : tensor<2x3xf32> to tensor<2x1xf32>
  // CHECK: nn.pad %{{[^ ,]+}} low [0, 1] high [2, 0] interior [0, 1] with 0.000000e+00 : f32 : tensor<2x3xf32> to tensor<4x6xf32>
  %5 = nn.pad %x low [0, 1] high [2, 0] interior [0, 1] with 0.000000e+00 : f32 : tensor<2x3xf32> to tensor<4x6xf32>
  // CHECK: nn.concat 1, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x3xf32>, tensor<2x3xf32> to tensor<2x6xf32>
  %6 = nn.concat 1, %x, %x : tensor<2x3xf32>, tensor<2x3xf32> to tensor<2x6xf32>
  return
}
