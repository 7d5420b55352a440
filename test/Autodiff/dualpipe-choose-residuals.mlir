// What is kept and what is computed again, by the three ways to choose.
// RUN: dpc-opt %s -split-input-file -dualpipe-choose-residuals="recompute=none" | FileCheck %s --check-prefixes=CHECK,NONE
// RUN: dpc-opt %s -split-input-file -dualpipe-choose-residuals="recompute-budget=1" | FileCheck %s --check-prefixes=CHECK,BUDGET
// RUN: dpc-opt %s -split-input-file -dualpipe-choose-residuals="recompute=full" | FileCheck %s --check-prefixes=CHECK,FULL
// RUN: dpc-opt %s -split-input-file -verify-diagnostics -dualpipe-choose-residuals="recompute-budget=1 report"

// The input half reads a product and its exponential. Both are kept where nothing may
// be computed again; with a budget the product alone is, and the exponential made again
// from it; without a limit the product is made again from the input, which is retained.

// CHECK-LABEL: dualpipe.body @chain
// CHECK: func.func @forward
// NONE-SAME: -> ({{.*}}output 0>}, {{.*}}kept 0>}, {{.*}}kept 1>})
// NONE: func.func @input_half
// NONE-NOT: nn.exp
// BUDGET-SAME: -> ({{.*}}output 0>}, tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 0>})
// BUDGET: %[[H:.*]] = nn.matmul
// BUDGET: return %{{.*}}, %[[H]]
// BUDGET: func.func @input_half(%{{.*}}, %[[K:.*]]: tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 0>},
// BUDGET-NOT: nn.matmul
// BUDGET: nn.exp %[[K]]
// FULL-SAME: -> (tensor<8x64xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
// FULL: func.func @input_half(%{{.*}}#dualpipe.role<input 0>}
// FULL: %[[H:.*]] = nn.matmul
// FULL: nn.exp %[[H]]
// CHECK: return
// expected-remark @below {{body 'chain' keeps 2048 bytes from forward to input half, 0 from forward to weight half, 0 from input half to weight half}}
dualpipe.body @chain {
  func.func @forward(%x: tensor<8x4xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<4x64xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<8x64xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 0>},
          tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 1>}) {
    %h = nn.matmul %x, %w : tensor<8x4xf32>, tensor<4x64xf32> to tensor<8x64xf32>
    %e = nn.exp %h : tensor<8x64xf32>
    %y = nn.mul %h, %e : tensor<8x64xf32>
    return %y, %h, %e : tensor<8x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
  }
  func.func @input_half(%g: tensor<8x64xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                        %w: tensor<4x64xf32> {dualpipe.role = #dualpipe.role<param 0>},
                        %h: tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 0>},
                        %e: tensor<8x64xf32> {dualpipe.role = #dualpipe.role<kept 1>})
      -> (tensor<8x4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    %0 = nn.mul %g, %h : tensor<8x64xf32>
    %1 = nn.mul %0, %e : tensor<8x64xf32>
    %2 = nn.mul %g, %e : tensor<8x64xf32>
    %3 = nn.add %1, %2 : tensor<8x64xf32>
    %4 = nn.matmul %3, %w rhs [1, 0] : tensor<8x64xf32>, tensor<4x64xf32> to tensor<8x4xf32>
    return %4 : tensor<8x4xf32>
  }
}

// -----

// The weight half reads what the input half has made: that is kept for a shorter time
// than what comes from the forward.

// CHECK-LABEL: dualpipe.body @handed_over
// CHECK: func.func @forward
// CHECK-SAME: -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
// CHECK: func.func @input_half
// CHECK-SAME: -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}, tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 1>})
// CHECK: func.func @weight_half
// CHECK-SAME: #dualpipe.role<kept 1>
// CHECK-NOT: nn.mul
// CHECK: nn.matmul
// CHECK-NEXT: return
// expected-remark @below {{body 'handed_over' keeps 256 bytes from forward to input half, 0 from forward to weight half, 256 from input half to weight half}}
dualpipe.body @handed_over {
  func.func @forward(%x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>},
                     %w: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output 0>}, tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 0>}) {
    %h = nn.matmul %x, %w : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    %y = nn.mul %h, %h : tensor<8x8xf32>
    return %y, %h : tensor<8x8xf32>, tensor<8x8xf32>
  }
  func.func @input_half(%g: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                        %w: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>},
                        %h: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 0>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}, tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 1>}) {
    %0 = nn.mul %g, %h : tensor<8x8xf32>
    %1 = nn.matmul %0, %w rhs [1, 0] : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    return %1, %0 : tensor<8x8xf32>, tensor<8x8xf32>
  }
  func.func @weight_half(%x: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %k: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<kept 1>})
      -> (tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %0 = nn.matmul %x, %k lhs [1, 0] : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32>
    return %0 : tensor<8x8xf32>
  }
}

// -----

// Nothing to do: no halves.

// CHECK-LABEL: dualpipe.body @none
// CHECK-NEXT: func.func @forward
// CHECK-NEXT: %[[E:.*]] = nn.exp
// CHECK-NEXT: return %[[E]]
// expected-remark @below {{body 'none' keeps 0 bytes}}
dualpipe.body @none {
  func.func @forward(%x: tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<4xf32> {dualpipe.frozen, dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.exp %x : tensor<4xf32>
    return %y : tensor<4xf32>
  }
}
