// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every reduction operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @reduction
func.func @reduction(%x: tensor<2x3xf32>, %n: tensor<2x3xi64>) {
  // CHECK: nn.reduce_sum %{{[^ ,]+}} [0, 1] : tensor<2x3xf32> to tensor<f32>
  %0 = nn.reduce_sum %x [0, 1] : tensor<2x3xf32> to tensor<f32>
  // CHECK: nn.reduce_max %{{[^ ,]+}} [1] : tensor<2x3xf32> to tensor<2xf32>
  %1 = nn.reduce_max %x [1] : tensor<2x3xf32> to tensor<2xf32>
  // CHECK: nn.cumsum %{{[^ ,]+}}, 1 : tensor<2x3xi64>
  %2 = nn.cumsum %n, 1 : tensor<2x3xi64>
  // CHECK: nn.cumsum %{{[^ ,]+}}, 0 exclusive reverse : tensor<2x3xf32>
  %3 = nn.cumsum %x, 0 exclusive reverse : tensor<2x3xf32>
  return
}
