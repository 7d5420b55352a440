// RUN: dpc-opt %s -split-input-file -kernels-split-reductions | FileCheck %s

// The last dimension and one before a kept one: rows first, then the rest, counted
// anew.

// CHECK-LABEL: dualpipe.body @rows_and_columns
// CHECK: func.func @forward(%[[X:.*]]: tensor<2x3x4x5xf32> {{.*}})
// CHECK-NEXT: %[[ROWS:.*]] = nn.reduce_sum %[[X]] [3] : tensor<2x3x4x5xf32> to tensor<2x3x4xf32>
// CHECK-NEXT: %[[REST:.*]] = nn.reduce_sum %[[ROWS]] [0, 1] : tensor<2x3x4xf32> to tensor<4xf32>
// CHECK-NEXT: return %[[REST]]
dualpipe.body @rows_and_columns {
  func.func @forward(%x: tensor<2x3x4x5xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.reduce_sum %x [0, 1, 3] : tensor<2x3x4x5xf32> to tensor<4xf32>
    return %y : tensor<4xf32>
  }
}

// -----

// A maximum too; and unit dimensions belong to the rows.

// CHECK-LABEL: dualpipe.body @maximum
// CHECK: %[[ROWS:.*]] = nn.reduce_max %{{.*}} [2] : tensor<2x4x5x1xf32> to tensor<2x4x1xf32>
// CHECK-NEXT: nn.reduce_max %[[ROWS]] [0] : tensor<2x4x1xf32> to tensor<4x1xf32>
dualpipe.body @maximum {
  func.func @forward(%x: tensor<2x4x5x1xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4x1xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.reduce_max %x [0, 2] : tensor<2x4x5x1xf32> to tensor<4x1xf32>
    return %y : tensor<4x1xf32>
  }
}

// -----

// Nothing to do: rows alone, columns alone, all of a tensor, a dimension of extent 1
// before the kept one, and functions that are in no body.

// CHECK-LABEL: dualpipe.body @nothing
// CHECK: nn.reduce_sum %{{.*}} [1] : tensor<2x3xf32> to tensor<2xf32>
// CHECK-NEXT: nn.reduce_sum %{{.*}} [0] : tensor<2x3xf32> to tensor<3xf32>
// CHECK-NEXT: nn.reduce_sum %{{.*}} [0, 1] : tensor<2x3xf32> to tensor<f32>
// CHECK-NEXT: nn.reduce_sum %{{.*}} [0, 2] : tensor<1x3x4xf32> to tensor<3xf32>
// CHECK-NEXT: return
dualpipe.body @nothing {
  func.func @forward(%x: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<input 0>}, %y: tensor<1x3x4xf32> {dualpipe.role = #dualpipe.role<input 1>}) {
    %rows = nn.reduce_sum %x [1] : tensor<2x3xf32> to tensor<2xf32>
    %columns = nn.reduce_sum %x [0] : tensor<2x3xf32> to tensor<3xf32>
    %all = nn.reduce_sum %x [0, 1] : tensor<2x3xf32> to tensor<f32>
    %unit = nn.reduce_sum %y [0, 2] : tensor<1x3x4xf32> to tensor<3xf32>
    return
  }
}
// CHECK-LABEL: func.func @outside
// CHECK-NEXT: nn.reduce_sum %{{.*}} [0, 2]
// CHECK-NEXT: return
func.func @outside(%x: tensor<2x3x4xf32>) -> tensor<3xf32> {
  %0 = nn.reduce_sum %x [0, 2] : tensor<2x3x4xf32> to tensor<3xf32>
  return %0 : tensor<3xf32>
}
