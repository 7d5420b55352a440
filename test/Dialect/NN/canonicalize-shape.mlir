// RUN: dpc-opt %s --canonicalize --split-input-file | FileCheck %s

// Operations that move elements: constants are moved at once, two moves in a row are
// one, and what moves nothing is a view or nothing.

// CHECK-LABEL: func.func @nothing
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]] :
func.func @nothing(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %0 = nn.broadcast %x dims [0, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  %1 = nn.reshape %x : tensor<2x3xf32> to tensor<2x3xf32>
  %2 = nn.transpose %x [0, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  %3 = nn.slice %x [0, 0] to [2, 3] step [1, 1] : tensor<2x3xf32> to tensor<2x3xf32>
  %4 = nn.pad %x low [0, 0] high [0, 0] interior [0, 0] with 1.0 : f32 : tensor<2x3xf32> to tensor<2x3xf32>
  %5 = nn.concat 1, %x : tensor<2x3xf32> to tensor<2x3xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @something
// CHECK-NEXT: nn.broadcast
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.slice
// CHECK-NEXT: nn.pad
// CHECK-NEXT: nn.concat
// CHECK-NEXT: return
func.func @something(%x: tensor<3x3xf32>) -> (tensor<3x3x3xf32>, tensor<9xf32>, tensor<3x3xf32>, tensor<3x2xf32>, tensor<3x5xf32>, tensor<6x3xf32>) {
  %0 = nn.broadcast %x dims [1, 2] : tensor<3x3xf32> to tensor<3x3x3xf32>
  %1 = nn.reshape %x : tensor<3x3xf32> to tensor<9xf32>
  // The type is the same, the elements move.
  %2 = nn.transpose %x [1, 0] : tensor<3x3xf32> to tensor<3x3xf32>
  %3 = nn.slice %x [0, 0] to [3, 3] step [1, 2] : tensor<3x3xf32> to tensor<3x2xf32>
  %4 = nn.pad %x low [0, 0] high [0, 0] interior [0, 1] with 0.0 : f32 : tensor<3x3xf32> to tensor<3x5xf32>
  %5 = nn.concat 0, %x, %x : tensor<3x3xf32>, tensor<3x3xf32> to tensor<6x3xf32>
  return %0, %1, %2, %3, %4, %5 : tensor<3x3x3xf32>, tensor<9xf32>, tensor<3x3xf32>, tensor<3x2xf32>, tensor<3x5xf32>, tensor<6x3xf32>
}

// -----

// Two in a row. A dimension of extent 1 may be repeated by the second.
// CHECK-LABEL: func.func @merged
// CHECK-SAME: (%[[X:.*]]: tensor<2x1xf32>, %[[Y:.*]]: tensor<2x3x4xf32>)
// CHECK-DAG: %[[B:.*]] = nn.broadcast %[[X]] dims [1, 3] : tensor<2x1xf32> to tensor<5x2x6x7xf32>
// CHECK-DAG: %[[R:.*]] = nn.reshape %[[Y]] : tensor<2x3x4xf32> to tensor<24xf32>
// CHECK-DAG: %[[T:.*]] = nn.transpose %[[Y]] [1, 0, 2] : tensor<2x3x4xf32> to tensor<3x2x4xf32>
// CHECK: return %[[B]], %[[R]], %[[T]], %[[Y]] :
func.func @merged(%x: tensor<2x1xf32>, %y: tensor<2x3x4xf32>) -> (tensor<5x2x6x7xf32>, tensor<24xf32>, tensor<3x2x4xf32>, tensor<2x3x4xf32>) {
  %0 = nn.broadcast %x dims [0, 2] : tensor<2x1xf32> to tensor<2x6x1xf32>
  %1 = nn.broadcast %0 dims [1, 2, 3] : tensor<2x6x1xf32> to tensor<5x2x6x7xf32>
  %2 = nn.reshape %y : tensor<2x3x4xf32> to tensor<6x4xf32>
  %3 = nn.reshape %2 : tensor<6x4xf32> to tensor<24xf32>
  %4 = nn.transpose %y [2, 0, 1] : tensor<2x3x4xf32> to tensor<4x2x3xf32>
  %5 = nn.transpose %4 [2, 1, 0] : tensor<4x2x3xf32> to tensor<3x2x4xf32>
  // There and back is nothing.
  %6 = nn.transpose %4 [1, 2, 0] : tensor<4x2x3xf32> to tensor<2x3x4xf32>
  return %1, %3, %5, %6 : tensor<5x2x6x7xf32>, tensor<24xf32>, tensor<3x2x4xf32>, tensor<2x3x4xf32>
}

// -----

// Not two of a kind in a row.
// CHECK-LABEL: func.func @not_merged
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: nn.transpose
// CHECK-NEXT: nn.broadcast
// CHECK-NEXT: nn.reshape
// CHECK-NEXT: return
func.func @not_merged(%y: tensor<2x3x4xf32>) -> (tensor<12x2xf32>, tensor<2x24xf32>) {
  %0 = nn.transpose %y [1, 0, 2] : tensor<2x3x4xf32> to tensor<3x2x4xf32>
  %1 = nn.reshape %0 : tensor<3x2x4xf32> to tensor<2x12xf32>
  %2 = nn.transpose %1 [1, 0] : tensor<2x12xf32> to tensor<12x2xf32>
  %3 = nn.broadcast %y dims [1, 2, 3] : tensor<2x3x4xf32> to tensor<2x2x3x4xf32>
  %4 = nn.reshape %3 : tensor<2x2x3x4xf32> to tensor<2x24xf32>
  return %2, %4 : tensor<12x2xf32>, tensor<2x24xf32>
}

// -----

// A transpose that moves dimensions of extent 1 alone moves nothing.
// CHECK-LABEL: func.func @transpose_to_view
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x1x3xf32>)
// CHECK-NEXT: %[[R:.*]] = nn.reshape %[[X]] : tensor<1x2x1x3xf32> to tensor<2x3x1x1xf32>
// CHECK-NEXT: %[[T:.*]] = nn.transpose %[[X]] [3, 1, 0, 2] : tensor<1x2x1x3xf32> to tensor<3x2x1x1xf32>
// CHECK-NEXT: return %[[R]], %[[T]] :
func.func @transpose_to_view(%x: tensor<1x2x1x3xf32>) -> (tensor<2x3x1x1xf32>, tensor<3x2x1x1xf32>) {
  %0 = nn.transpose %x [1, 3, 2, 0] : tensor<1x2x1x3xf32> to tensor<2x3x1x1xf32>
  %1 = nn.transpose %x [3, 1, 0, 2] : tensor<1x2x1x3xf32> to tensor<3x2x1x1xf32>
  return %0, %1 : tensor<2x3x1x1xf32>, tensor<3x2x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @constants
// CHECK-DAG: %[[B:.*]] = nn.constant dense<{{\[\[}}1, 1], [2, 2]]> : tensor<2x2xi64>
// CHECK-DAG: %[[R:.*]] = nn.constant dense<{{\[\[}}1, 2, 3], [4, 5, 6]]> : tensor<2x3xi64>
// CHECK-DAG: %[[T:.*]] = nn.constant dense<{{\[\[}}1, 4], [2, 5], [3, 6]]> : tensor<3x2xi64>
// CHECK-DAG: %[[S:.*]] = nn.constant dense<{{\[\[}}4, 6]]> : tensor<1x2xi64>
// CHECK-DAG: %[[P:.*]] = nn.constant dense<[9, 1, 9, 2, 9, 9]> : tensor<6xi64>
// CHECK-DAG: %[[C:.*]] = nn.constant dense<{{\[\[}}1, 2, 3, 1], [4, 5, 6, 2]]> : tensor<2x4xi64>
// CHECK: return %[[B]], %[[R]], %[[T]], %[[S]], %[[P]], %[[C]] :
func.func @constants() -> (tensor<2x2xi64>, tensor<2x3xi64>, tensor<3x2xi64>, tensor<1x2xi64>, tensor<6xi64>, tensor<2x4xi64>) {
  %v = nn.constant dense<[1, 2]> : tensor<2xi64>
  %w = nn.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %m = nn.constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xi64>
  %0 = nn.broadcast %w dims [0, 1] : tensor<2x1xi64> to tensor<2x2xi64>
  %1 = nn.reshape %m : tensor<6xi64> to tensor<2x3xi64>
  %2 = nn.transpose %1 [1, 0] : tensor<2x3xi64> to tensor<3x2xi64>
  %3 = nn.slice %1 [1, 0] to [2, 3] step [1, 2] : tensor<2x3xi64> to tensor<1x2xi64>
  %4 = nn.pad %v low [1] high [2] interior [1] with 9 : i64 : tensor<2xi64> to tensor<6xi64>
  %5 = nn.concat 1, %1, %w : tensor<2x3xi64>, tensor<2x1xi64> to tensor<2x4xi64>
  return %0, %1, %2, %3, %4, %5 : tensor<2x2xi64>, tensor<2x3xi64>, tensor<3x2xi64>, tensor<1x2xi64>, tensor<6xi64>, tensor<2x4xi64>
}

// -----

// Splats of any size stay splats; padded by another value they are none, and too
// large. -0 is another value than 0.
// CHECK-LABEL: func.func @splats
// CHECK-DAG: %[[B:.*]] = nn.constant dense<0.000000e+00> : tensor<100000x1000xf32>
// CHECK-DAG: %[[P:.*]] = nn.constant dense<0.000000e+00> : tensor<100002xf32>
// CHECK: %[[ONES:.*]] = nn.pad
// CHECK-NEXT: %[[MINUS:.*]] = nn.pad
// CHECK-NEXT: %[[TWICE:.*]] = nn.concat
// CHECK-NEXT: return %[[B]], %[[P]], %[[ONES]], %[[MINUS]], %[[TWICE]] :
func.func @splats() -> (tensor<100000x1000xf32>, tensor<100002xf32>, tensor<100002xf32>, tensor<100002xf32>, tensor<200000xf32>) {
  %c = nn.constant dense<0.0> : tensor<100000xf32>
  %0 = nn.broadcast %c dims [0] : tensor<100000xf32> to tensor<100000x1000xf32>
  %1 = nn.pad %c low [1] high [1] interior [0] with 0.0 : f32 : tensor<100000xf32> to tensor<100002xf32>
  %2 = nn.pad %c low [1] high [1] interior [0] with 1.0 : f32 : tensor<100000xf32> to tensor<100002xf32>
  %3 = nn.pad %c low [1] high [1] interior [0] with -0.0 : f32 : tensor<100000xf32> to tensor<100002xf32>
  %4 = nn.concat 0, %c, %c : tensor<100000xf32>, tensor<100000xf32> to tensor<200000xf32>
  return %0, %1, %2, %3, %4 : tensor<100000x1000xf32>, tensor<100002xf32>, tensor<100002xf32>, tensor<100002xf32>, tensor<200000xf32>
}

// -----

// Tensors without elements are left alone.
// CHECK-LABEL: func.func @empty
// CHECK: nn.slice
// CHECK-NEXT: nn.concat
// CHECK-NEXT: return
func.func @empty() -> (tensor<0xi64>, tensor<0xi64>) {
  %c = nn.constant dense<[1, 2]> : tensor<2xi64>
  %0 = nn.slice %c [1] to [1] step [1] : tensor<2xi64> to tensor<0xi64>
  %1 = nn.concat 0, %0, %0 : tensor<0xi64>, tensor<0xi64> to tensor<0xi64>
  return %0, %1 : tensor<0xi64>, tensor<0xi64>
}
