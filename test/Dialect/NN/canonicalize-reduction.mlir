// RUN: dpc-opt %s --canonicalize --split-input-file | FileCheck %s

// Sums of integers and largest elements fold; sums of floats are the kernels', whose
// order is a function of the shape.

// CHECK-LABEL: func.func @no_axes
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]], %[[X]] :
func.func @no_axes(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = nn.reduce_sum %x [] : tensor<2x3xf32> to tensor<2x3xf32>
  %1 = nn.reduce_max %x [] : tensor<2x3xf32> to tensor<2x3xf32>
  return %0, %1 : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @constants
// CHECK-DAG: %[[ROWS:.*]] = nn.constant dense<[6, 15]> : tensor<2xi64>
// CHECK-DAG: %[[ALL:.*]] = nn.constant dense<21> : tensor<i64>
// CHECK-DAG: %[[LARGEST:.*]] = nn.constant dense<[4, 5, 6]> : tensor<3xi64>
// CHECK-DAG: %[[FLOAT:.*]] = nn.constant dense<[0x7FC00000, 0.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[SINGLE:.*]] = nn.constant dense<[-0.000000e+00, 1.000000e+00]> : tensor<2xf32>
// CHECK: return %[[ROWS]], %[[ALL]], %[[LARGEST]], %[[FLOAT]], %[[SINGLE]] :
func.func @constants() -> (tensor<2xi64>, tensor<i64>, tensor<3xi64>, tensor<2xf32>, tensor<2xf32>) {
  %c = nn.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %f = nn.constant dense<[[1.0, 0x7FC00000], [-0.0, 0.0]]> : tensor<2x2xf32>
  %g = nn.constant dense<[[-0.0], [1.0]]> : tensor<2x1xf32>
  %0 = nn.reduce_sum %c [1] : tensor<2x3xi64> to tensor<2xi64>
  %1 = nn.reduce_sum %c [0, 1] : tensor<2x3xi64> to tensor<i64>
  %2 = nn.reduce_max %c [0] : tensor<2x3xi64> to tensor<3xi64>
  %3 = nn.reduce_max %f [1] : tensor<2x2xf32> to tensor<2xf32>
  // A sum of one element adds nothing.
  %4 = nn.reduce_sum %g [1] : tensor<2x1xf32> to tensor<2xf32>
  return %0, %1, %2, %3, %4 : tensor<2xi64>, tensor<i64>, tensor<3xi64>, tensor<2xf32>, tensor<2xf32>
}

// -----

// CHECK-LABEL: func.func @left_alone
// CHECK: nn.reduce_sum %{{.*}} [0] : tensor<2xf32>
// CHECK-NEXT: nn.reduce_sum %{{.*}} [0] : tensor<100000xi64>
// CHECK-NEXT: nn.cumsum %{{.*}} : tensor<2xf32>
// CHECK-NEXT: nn.cumsum %{{.*}} : tensor<100000xi64>
// CHECK-NEXT: return
func.func @left_alone() -> (tensor<f32>, tensor<i64>, tensor<2xf32>, tensor<100000xi64>) {
  %f = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %large = nn.constant dense<1> : tensor<100000xi64>
  %0 = nn.reduce_sum %f [0] : tensor<2xf32> to tensor<f32>
  %1 = nn.reduce_sum %large [0] : tensor<100000xi64> to tensor<i64>
  %2 = nn.cumsum %f, 0 : tensor<2xf32>
  %3 = nn.cumsum %large, 0 : tensor<100000xi64>
  return %0, %1, %2, %3 : tensor<f32>, tensor<i64>, tensor<2xf32>, tensor<100000xi64>
}

// -----

// CHECK-LABEL: func.func @running_sums
// CHECK-DAG: %[[PLAIN:.*]] = nn.constant dense<{{\[\[}}1, 3, 6], [4, 9, 15]]> : tensor<2x3xi64>
// CHECK-DAG: %[[EXCLUSIVE:.*]] = nn.constant dense<{{\[\[}}0, 1, 3], [0, 4, 9]]> : tensor<2x3xi64>
// CHECK-DAG: %[[REVERSE:.*]] = nn.constant dense<{{\[\[}}6, 5, 3], [15, 11, 6]]> : tensor<2x3xi64>
// CHECK-DAG: %[[COLUMNS:.*]] = nn.constant dense<{{\[\[}}4, 5, 6], [0, 0, 0]]> : tensor<2x3xi64>
// CHECK: return %[[PLAIN]], %[[EXCLUSIVE]], %[[REVERSE]], %[[COLUMNS]] :
func.func @running_sums() -> (tensor<2x3xi64>, tensor<2x3xi64>, tensor<2x3xi64>, tensor<2x3xi64>) {
  %c = nn.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %0 = nn.cumsum %c, 1 : tensor<2x3xi64>
  %1 = nn.cumsum %c, 1 exclusive : tensor<2x3xi64>
  %2 = nn.cumsum %c, 1 reverse : tensor<2x3xi64>
  %3 = nn.cumsum %c, 0 exclusive reverse : tensor<2x3xi64>
  return %0, %1, %2, %3 : tensor<2x3xi64>, tensor<2x3xi64>, tensor<2x3xi64>, tensor<2x3xi64>
}
