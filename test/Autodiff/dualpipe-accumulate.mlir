// RUN: dpc-opt %s -split-input-file -dualpipe-accumulate | FileCheck %s

// Each gradient is added to a new argument, the sum so far first.
// CHECK-LABEL: dualpipe.body @two
// CHECK: func.func @weight_half(%[[W:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %[[V:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>},
// CHECK-SAME: %[[A1:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 1>}, %[[A0:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
// CHECK-NEXT: %[[G:.*]] = nn.tanh %[[W]]
// CHECK-NEXT: %[[S1:.*]] = nn.add %[[A1]], %[[G]]
// CHECK-NEXT: %[[S0:.*]] = nn.add %[[A0]], %[[V]]
// CHECK-NEXT: return %[[S1]], %[[S0]]
dualpipe.body @two {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %v: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>}) {
    return
  }
  func.func @weight_half(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %v: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 1>}, tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %g = nn.tanh %w : tensor<4xf32>
    return %g, %v : tensor<4xf32>, tensor<4xf32>
  }
}

// -----

// Nothing to do: what has an accumulator gets no second one.
// CHECK-LABEL: dualpipe.body @again
// CHECK: func.func @weight_half(%[[W:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %[[A:.*]]: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
// CHECK-NEXT: %[[S:.*]] = nn.add %[[A]], %[[W]]
// CHECK-NEXT: return %[[S]]
dualpipe.body @again {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}) {
    return
  }
  func.func @weight_half(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>}, %a: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %s = nn.add %a, %w : tensor<4xf32>
    return %s : tensor<4xf32>
  }
}

// -----

// Nothing to do: a body without a weight half.
// CHECK-LABEL: dualpipe.body @none
// CHECK-NOT: accumulator
dualpipe.body @none {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
  func.func @input_half(%g: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    return %g : tensor<4xf32>
  }
}
