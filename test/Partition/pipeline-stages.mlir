// What operations ask for is kept: as many stages as asked for, more, and fewer.
// RUN: dpc-opt %s --dualpipe-partition="stages=3" | FileCheck %s --check-prefix=THREE
// RUN: dpc-opt %s --dualpipe-partition="stages=4" | FileCheck %s --check-prefix=FOUR
// RUN: dpc-opt %s --dualpipe-partition="stages=2" | FileCheck %s --check-prefix=TWO
// RUN: not dpc-opt %s --dualpipe-partition="stages=8" 2>&1 | FileCheck %s --check-prefix=EIGHT
// RUN: dpc-opt %s --dualpipe-partition="stages=2 cuts=after:a" | FileCheck %s --check-prefix=CUTS

// A product costs thousands of times what a tanh does: without the marks, no stage
// would hold two products while another has none.

// THREE-LABEL: dualpipe.body @stage0
// THREE-COUNT-2: nn.matmul
// THREE-NOT: nn.matmul
// THREE-LABEL: dualpipe.body @stage1
// THREE-NOT: nn.matmul
// THREE: nn.tanh
// THREE-LABEL: dualpipe.body @stage2
// THREE-NOT: nn.tanh
// THREE: nn.matmul
// THREE-NOT: nn.pipeline_stage

// The first stage is divided, as it is the slowest; no stage holds nodes of two.
// FOUR-LABEL: dualpipe.body @stage0
// FOUR-COUNT-1: nn.matmul
// FOUR-NOT: nn.matmul
// FOUR-LABEL: dualpipe.body @stage1
// FOUR: nn.matmul
// FOUR-LABEL: dualpipe.body @stage2
// FOUR: nn.tanh
// FOUR-LABEL: dualpipe.body @stage3
// FOUR: nn.matmul

// No stage is divided: the two products stay together.
// TWO-LABEL: dualpipe.body @stage0
// TWO-COUNT-2: nn.matmul
// TWO-NOT: nn.matmul
// TWO-LABEL: dualpipe.body @stage1
// TWO: nn.matmul

// EIGHT: error: the model cannot be cut into 8 stages; the largest number that this model allows is

// The user's cuts replace what the model asks for.
// CUTS-LABEL: dualpipe.body @stage0
// CUTS-COUNT-1: nn.matmul
// CUTS-LABEL: dualpipe.body @stage1
// CUTS-COUNT-2: nn.matmul

nn.parameter @w0 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w1 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @w2 : tensor<256x256xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
func.func @forward(%x: tensor<256x256xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
  %w0 = nn.get @w0 : tensor<256x256xf32>
  %w1 = nn.get @w1 : tensor<256x256xf32>
  %w2 = nn.get @w2 : tensor<256x256xf32>
  %a = nn.matmul %x, %w0 {nn.pipeline_stage = 0 : i64} : tensor<256x256xf32>, tensor<256x256xf32> to tensor<256x256xf32> loc("a")
  %b = nn.matmul %a, %w1 {nn.pipeline_stage = 0 : i64} : tensor<256x256xf32>, tensor<256x256xf32> to tensor<256x256xf32> loc("b")
  %c = nn.tanh %b {nn.pipeline_stage = 1 : i64} : tensor<256x256xf32> loc("c")
  %d = nn.matmul %c, %w2 {nn.pipeline_stage = 2 : i64} : tensor<256x256xf32>, tensor<256x256xf32> to tensor<256x256xf32> loc("d")
  %loss = nn.reduce_sum %d [0, 1] {nn.pipeline_stage = 2 : i64} : tensor<256x256xf32> to tensor<f32> loc("loss")
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
