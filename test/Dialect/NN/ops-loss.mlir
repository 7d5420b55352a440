// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every loss operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @loss
func.func @loss(%x: tensor<4x5xf32>, %t: tensor<4xi64>, %v: tensor<4xf32>, %g: tensor<f32>, %h: tensor<4x5xbf16>) {
  // CHECK: nn.cross_entropy %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4x5xf32>, tensor<4xi64>
  %0:2 = nn.cross_entropy %x, %t : tensor<4x5xf32>, tensor<4xi64>
  // CHECK: nn.cross_entropy %{{[^ ,]+}}, %{{[^ ,]+}} ignore -100 : tensor<4x5xf32>, tensor<4xi64>
  %1:2 = nn.cross_entropy %x, %t ignore -100 : tensor<4x5xf32>, tensor<4xi64>
  // CHECK: nn.cross_entropy_grad %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} ignore -100 : tensor<4xf32>, tensor<4x5xf32>, tensor<4xi64>
  %2 = nn.cross_entropy_grad %v, %x, %t, %v ignore -100 : tensor<4xf32>, tensor<4x5xf32>, tensor<4xi64>
  // CHECK: nn.cross_entropy %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4x5xbf16>, tensor<4xi64>
  %5:2 = nn.cross_entropy %h, %t : tensor<4x5xbf16>, tensor<4xi64>
  // CHECK: nn.cross_entropy_grad %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>, tensor<4x5xbf16>, tensor<4xi64>
  %6 = nn.cross_entropy_grad %5#0, %h, %t, %5#1 : tensor<4xf32>, tensor<4x5xbf16>, tensor<4xi64>
  // CHECK: nn.weighted_mean %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<4xf32>
  %3:2 = nn.weighted_mean %v, %v : tensor<4xf32>
  // CHECK: nn.weighted_mean_grad %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<f32>, tensor<4xf32>
  %4 = nn.weighted_mean_grad %g, %v, %g : tensor<f32>, tensor<4xf32>
  return
}
