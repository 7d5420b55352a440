// The user's cuts: by flag, by file, and what is said of those that cannot be.
// RUN: dpc-opt %s --dualpipe-partition="stages=2 cuts=after:first" | FileCheck %s
// RUN: dpc-opt %s --dualpipe-partition="stages=2 cuts=%S/Inputs/cuts.txt" | FileCheck %s
// RUN: not dpc-opt %s --dualpipe-partition="stages=2 cuts=after:frist" 2>&1 | FileCheck %s --check-prefix=NEAR
// RUN: not dpc-opt %s --dualpipe-partition="stages=3 cuts=after:first" 2>&1 | FileCheck %s --check-prefix=COUNT
// RUN: not dpc-opt %s --dualpipe-partition="stages=2 cuts=after:loss" 2>&1 | FileCheck %s --check-prefix=LAST
// RUN: not dpc-opt %s --dualpipe-partition="stages=3 cuts=after:second,after:first" 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not dpc-opt %s --dualpipe-partition="stages=3 cuts=after:first,after:first/Tanh" 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not dpc-opt %s --dualpipe-partition="stages=2 cuts=%S/Inputs/cuts-malformed.txt" 2>&1 | FileCheck %s --check-prefix=LINE
// RUN: not dpc-opt %s --dualpipe-partition="stages=2 cuts=absent.txt" 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not dpc-opt %s --dualpipe-partition="stages=2 machine=absent.json" 2>&1 | FileCheck %s --check-prefix=MACHINE

// CHECK-LABEL: dualpipe.body @stage0
// CHECK: nn.matmul
// CHECK-NEXT: nn.tanh
// CHECK-NEXT: return
// CHECK-LABEL: dualpipe.body @stage1
// CHECK: nn.matmul
// CHECK: nn.reduce_sum

// NEAR: error: the model has no module or node 'frist' to cut after; near it are 'first'
// COUNT: error: the model has 1 cuts for 3 stages; 2 are needed
// LAST: error: the model cannot be cut after 'loss': the loss and its denominator are made by then, and nothing is left for the next stage
// ORDER: error: the model would have a stage that reads from a later one: the cut after 'first' lies before the cut after 'second'
// EMPTY: error: the model has nothing between the cuts after 'first' and 'first/Tanh'
// LINE: error: {{.*}}cuts-malformed.txt:2: cut 'before:first' is not of the form after:PATH
// ABSENT: error: cuts 'absent.txt' are neither after:PATH,... nor a file: No such file or directory
// MACHINE: error: machine description 'absent.json' cannot be read: No such file or directory

nn.parameter @w0 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
func.func @forward(%x: tensor<8x8xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<8x8xf32>
  %w1 = nn.get @w1 : tensor<8x8xf32>
  %0 = nn.matmul %x, %w0 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"first">["first/MatMul"])
  %1 = nn.tanh %0 : tensor<8x8xf32> loc(fused<"first">["first/Tanh"])
  %2 = nn.matmul %1, %w1 : tensor<8x8xf32>, tensor<8x8xf32> to tensor<8x8xf32> loc(fused<"second">["second/MatMul"])
  %3 = nn.tanh %2 : tensor<8x8xf32> loc(fused<"second">["second/Tanh"])
  %loss = nn.reduce_sum %3 [0, 1] : tensor<8x8xf32> to tensor<f32> loc("loss")
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
