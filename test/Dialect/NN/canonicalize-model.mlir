// RUN: dpc-opt %s --canonicalize | FileCheck %s

// Small counts are constants, large ones are counted by kernels; parameters are
// never read by the compiler.

nn.parameter @w : tensor<2xf32> trained = #nn.init<zeros, 0, 0.0 : f64>

// CHECK-LABEL: func.func @counts
// CHECK-DAG: %[[ROWS:.*]] = nn.constant dense<{{\[\[}}0, 0, 0], [1, 1, 1]]> : tensor<2x3xi64>
// CHECK-DAG: %[[COLUMNS:.*]] = nn.constant dense<{{\[\[}}0.000000e+00, 1.000000e+00, 2.000000e+00], [0.000000e+00, 1.000000e+00, 2.000000e+00]]> : tensor<2x3xf32>
// CHECK-DAG: %[[LARGE:.*]] = nn.iota 0 : tensor<8193xi64>
// CHECK-DAG: %[[EMPTY:.*]] = nn.iota 0 : tensor<0xi64>
// CHECK: %[[W:.*]] = nn.get @w : tensor<2xf32>
// CHECK-NEXT: %[[MINUS:.*]] = nn.neg %[[W]]
// CHECK-NEXT: return %[[ROWS]], %[[COLUMNS]], %[[LARGE]], %[[EMPTY]], %[[MINUS]] :
func.func @counts() -> (tensor<2x3xi64>, tensor<2x3xf32>, tensor<8193xi64>, tensor<0xi64>, tensor<2xf32>) {
  %0 = nn.iota 0 : tensor<2x3xi64>
  %1 = nn.iota 1 : tensor<2x3xf32>
  %2 = nn.iota 0 : tensor<8193xi64>
  %3 = nn.iota 0 : tensor<0xi64>
  %w = nn.get @w : tensor<2xf32>
  %4 = nn.neg %w : tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2x3xi64>, tensor<2x3xf32>, tensor<8193xi64>, tensor<0xi64>, tensor<2xf32>
}
