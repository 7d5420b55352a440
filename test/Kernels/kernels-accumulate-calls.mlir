// RUN: dpc-opt %s -split-input-file -kernels-accumulate-calls | FileCheck %s

// The sum so far may stand on either side of the addition.

// CHECK-LABEL: dualpipe.body @two
// CHECK: func.func @weight_half(%[[G:.*]]: tensor<8x4xf32> {{.*}}, %[[X:.*]]: tensor<8x2xf32> {{.*}}, %[[A:.*]]: tensor<2x4xf32> {{.*}}, %[[B:.*]]: tensor<2x4xf32> {{.*}})
// CHECK-NEXT: %[[DA:.*]] = nn.matmul %[[X]], %[[G]] into %[[A]] lhs [1, 0] : tensor<8x2xf32>, tensor<8x4xf32>, tensor<2x4xf32> to tensor<2x4xf32>
// CHECK-NEXT: %[[DB:.*]] = nn.matmul %[[X]], %[[G]] into %[[B]] lhs [1, 0] : tensor<8x2xf32>, tensor<8x4xf32>, tensor<2x4xf32> to tensor<2x4xf32>
// CHECK-NEXT: return %[[DA]], %[[DB]]
dualpipe.body @two {
  func.func @forward(%x: tensor<8x2xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<2x4xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %v: tensor<2x4xf32> {dualpipe.role = #dualpipe.role<param 1>}) -> (tensor<8x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %w : tensor<8x2xf32>, tensor<2x4xf32> to tensor<8x4xf32>
    return %y : tensor<8x4xf32>
  }
  func.func @weight_half(%g: tensor<8x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<8x2xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %a: tensor<2x4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}, %b: tensor<2x4xf32> {dualpipe.role = #dualpipe.role<accumulator 1>})
      -> (tensor<2x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}, tensor<2x4xf32> {dualpipe.role = #dualpipe.role<param_grad 1>}) {
    %0 = nn.matmul %x, %g lhs [1, 0] : tensor<8x2xf32>, tensor<8x4xf32> to tensor<2x4xf32>
    %1 = nn.add %a, %0 : tensor<2x4xf32>
    %2 = nn.matmul %x, %g lhs [1, 0] : tensor<8x2xf32>, tensor<8x4xf32> to tensor<2x4xf32>
    %3 = nn.add %2, %b : tensor<2x4xf32>
    return %1, %3 : tensor<2x4xf32>, tensor<2x4xf32>
  }
}

// -----

// Nothing to do: a product with a second reader, an accumulator with a second reader,
// a sum that is no accumulator's, and additions of a forward.

// CHECK-LABEL: dualpipe.body @nothing
// CHECK: func.func @forward
// CHECK: nn.matmul %{{.*}}, %{{.*}} : tensor
// CHECK-NEXT: nn.add
// CHECK: func.func @weight_half
// CHECK-NEXT: nn.matmul %{{.*}}, %{{.*}} : tensor
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.matmul %{{.*}}, %{{.*}} : tensor
// CHECK-NEXT: nn.add
// CHECK-NEXT: nn.add
// CHECK-NEXT: return
dualpipe.body @nothing {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %v: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 1>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %z = nn.add %v, %y : tensor<4x4xf32>
    return %z : tensor<4x4xf32>
  }
  func.func @weight_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %a: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}, %b: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<accumulator 1>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}, tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 1>}) {
    %0 = nn.matmul %x, %g : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %1 = nn.add %a, %0 : tensor<4x4xf32>
    %2 = nn.add %1, %0 : tensor<4x4xf32>
    %3 = nn.matmul %x, %2 : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    %4 = nn.add %b, %3 : tensor<4x4xf32>
    %5 = nn.add %4, %b : tensor<4x4xf32>
    return %2, %5 : tensor<4x4xf32>, tensor<4x4xf32>
  }
}
