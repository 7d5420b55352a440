// RUN: dpc-opt %s --canonicalize --split-input-file | FileCheck %s

// What is read by constant indices out of constants is a constant; an index outside
// reads 0, as in the kernels.

// CHECK-LABEL: func.func @constants
// CHECK-DAG: %[[ROWS:.*]] = nn.constant dense<{{\[\[}}4, 5, 6], [1, 2, 3], [0, 0, 0]]> : tensor<3x3xi64>
// CHECK-DAG: %[[COLUMNS:.*]] = nn.constant dense<{{\[\[}}2, 1, 0], [5, 4, 0]]> : tensor<2x3xi64>
// CHECK-DAG: %[[TUPLES:.*]] = nn.constant dense<[6, 1, 0]> : tensor<3xi64>
// CHECK-DAG: %[[BATCH:.*]] = nn.constant dense<{{\[\[}}3], [4]]> : tensor<2x1xi64>
// CHECK-DAG: %[[ELEMENTS:.*]] = nn.constant dense<{{\[\[}}3, 1], [0, 5]]> : tensor<2x2xi64>
// CHECK: return %[[ROWS]], %[[COLUMNS]], %[[TUPLES]], %[[BATCH]], %[[ELEMENTS]] :
func.func @constants() -> (tensor<3x3xi64>, tensor<2x3xi64>, tensor<3xi64>, tensor<2x1xi64>, tensor<2x2xi64>) {
  %t = nn.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
  %i = nn.constant dense<[1, 0, 2]> : tensor<3xi64>
  %j = nn.constant dense<[1, 0, -1]> : tensor<3xi32>
  %n = nn.constant dense<[[1, 2], [0, 0], [0, 3]]> : tensor<3x2xi64>
  %b = nn.constant dense<[[[2]], [[0]]]> : tensor<2x1x1xi64>
  %e = nn.constant dense<[[2, 0], [3, 1]]> : tensor<2x2xi64>
  %0 = nn.gather %t, %i axis 0 : tensor<2x3xi64>, tensor<3xi64> to tensor<3x3xi64>
  %1 = nn.gather %t, %j axis 1 : tensor<2x3xi64>, tensor<3xi32> to tensor<2x3xi64>
  %2 = nn.gather_nd %t, %n : tensor<2x3xi64>, tensor<3x2xi64> to tensor<3xi64>
  %3 = nn.gather_nd %t, %b {batch_dims = 1 : i64} : tensor<2x3xi64>, tensor<2x1x1xi64> to tensor<2x1xi64>
  %4 = nn.gather_elements %t, %e axis 1 : tensor<2x3xi64>, tensor<2x2xi64> to tensor<2x2xi64>
  return %0, %1, %2, %3, %4 : tensor<3x3xi64>, tensor<2x3xi64>, tensor<3xi64>, tensor<2x1xi64>, tensor<2x2xi64>
}

// -----

// A splat is one wherever it is read, but not outside.
// CHECK-LABEL: func.func @splats
// CHECK-DAG: %[[ZEROS:.*]] = nn.constant dense<0.000000e+00> : tensor<2x1000000xf32>
// CHECK-DAG: %[[SEVENS:.*]] = nn.constant dense<[7.000000e+00, 0.000000e+00]> : tensor<2xf32>
// CHECK: return %[[ZEROS]], %[[SEVENS]] :
func.func @splats() -> (tensor<2x1000000xf32>, tensor<2xf32>) {
  %zeros = nn.constant dense<0.0> : tensor<5x1000000xf32>
  %sevens = nn.constant dense<7.0> : tensor<5xf32>
  %i = nn.constant dense<[1, 9]> : tensor<2xi64>
  %0 = nn.gather %zeros, %i axis 0 : tensor<5x1000000xf32>, tensor<2xi64> to tensor<2x1000000xf32>
  %1 = nn.gather %sevens, %i axis 0 : tensor<5xf32>, tensor<2xi64> to tensor<2xf32>
  return %0, %1 : tensor<2x1000000xf32>, tensor<2xf32>
}

// -----

// One constant is not enough, and large results are left to kernels. A splat of
// indices is never spelled out: these would take 800 MB.
// CHECK-LABEL: func.func @left_alone
// CHECK: nn.gather %
// CHECK-NEXT: nn.gather %
// CHECK-NEXT: nn.gather_nd %
// CHECK-NEXT: nn.gather_elements %
// CHECK-NEXT: nn.gather %
// CHECK-NEXT: nn.gather %
// CHECK-NEXT: nn.top_k
// CHECK-NEXT: return
func.func @left_alone(%x: tensor<2xf32>, %k: tensor<2xi64>) -> (tensor<2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<2xf32>, tensor<2x20000xi64>, tensor<100000000xf32>, tensor<1xf32>) {
  %t = nn.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = nn.constant dense<[1, 0]> : tensor<2xi64>
  %n = nn.constant dense<1> : tensor<1x1xi64>
  %row = nn.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %wide = nn.broadcast %row dims [0, 1] : tensor<2x1xi64> to tensor<2x20000xi64>
  %many = nn.constant dense<1> : tensor<100000000xi64>
  %0 = nn.gather %x, %i axis 0 : tensor<2xf32>, tensor<2xi64> to tensor<2xf32>
  %1 = nn.gather %t, %k axis 0 : tensor<2xf32>, tensor<2xi64> to tensor<2xf32>
  %2 = nn.gather_nd %x, %n : tensor<2xf32>, tensor<1x1xi64> to tensor<1xf32>
  %3 = nn.gather_elements %x, %i axis 0 : tensor<2xf32>, tensor<2xi64> to tensor<2xf32>
  %4 = nn.gather %wide, %i axis 0 : tensor<2x20000xi64>, tensor<2xi64> to tensor<2x20000xi64>
  %5 = nn.gather %t, %many axis 0 : tensor<2xf32>, tensor<100000000xi64> to tensor<100000000xf32>
  %6, %7 = nn.top_k %t, 1 : tensor<2xf32> to tensor<1xf32>, tensor<1xi64>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<2xf32>, tensor<2xf32>, tensor<1xf32>, tensor<2xf32>, tensor<2x20000xi64>, tensor<100000000xf32>, tensor<1xf32>
}
