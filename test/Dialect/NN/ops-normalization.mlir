// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every normalization operation prints as it is written, and parses from its generic form.

// CHECK-LABEL: func.func @normalization
func.func @normalization(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %m: tensor<2xf32>, %h: tensor<2x4xbf16>, %hs: tensor<4xbf16>) {
  // CHECK: nn.softmax %{{[^ ,]+}} : tensor<2x4xf32>
  %0 = nn.softmax %x : tensor<2x4xf32>
  // CHECK: nn.softmax_grad %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xf32>
  %1 = nn.softmax_grad %x, %x : tensor<2x4xf32>
  // CHECK: nn.log_softmax %{{[^ ,]+}} : tensor<2x4xf32>
  %2 = nn.log_softmax %x : tensor<2x4xf32>
  // CHECK: nn.log_softmax_grad %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xf32>
  %3 = nn.log_softmax_grad %x, %x : tensor<2x4xf32>
  // CHECK: nn.layer_norm %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} epsilon 1.000000e-05 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>
  %4:3 = nn.layer_norm %x, %s, %s epsilon 1.000000e-05 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>
  // CHECK: nn.layer_norm %{{[^ ,]+}}, %{{[^ ,]+}} epsilon 1.000000e-05 : tensor<2x4xbf16>, tensor<4xbf16>
  %5:3 = nn.layer_norm %h, %hs epsilon 1.000000e-05 : tensor<2x4xbf16>, tensor<4xbf16>
  // CHECK: nn.layer_norm %{{[^ ,]+}}, %{{[^ ,]+}} epsilon 1.000000e-05 : tensor<2x4xbf16>, tensor<4xf32>
  %9:3 = nn.layer_norm %h, %s epsilon 1.000000e-05 : tensor<2x4xbf16>, tensor<4xf32>
  // CHECK: nn.layer_norm_dx %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xf32>, tensor<4xf32>, tensor<2xf32>
  %6 = nn.layer_norm_dx %x, %x, %s, %m, %m : tensor<2x4xf32>, tensor<4xf32>, tensor<2xf32>
  // CHECK: nn.layer_norm_dx %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xbf16>, tensor<4xbf16>, tensor<2xf32>
  %7 = nn.layer_norm_dx %h, %h, %hs, %5#1, %5#2 : tensor<2x4xbf16>, tensor<4xbf16>, tensor<2xf32>
  // CHECK: nn.layer_norm_dscale %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}}, %{{[^ ,]+}} : tensor<2x4xf32>, tensor<2xf32> to tensor<4xf32>
  %8 = nn.layer_norm_dscale %x, %x, %m, %m : tensor<2x4xf32>, tensor<2xf32> to tensor<4xf32>
  return
}
