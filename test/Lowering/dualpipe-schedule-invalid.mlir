// What is said of a schedule that is not one, or not this step's.
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=2f2b ranks=2" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=dualpipe ranks=2" 2>&1 | FileCheck %s --check-prefix=ILLEGAL
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=1f1b ranks=3" 2>&1 | FileCheck %s --check-prefix=STAGES
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=%S/Inputs/three-ranks.txt ranks=2" 2>&1 | FileCheck %s --check-prefix=RANKS
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=%S/Inputs/one-micro-batch.txt ranks=2" 2>&1 | FileCheck %s --check-prefix=MICROBATCHES
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=./absent.txt ranks=2" 2>&1 | FileCheck %s --check-prefix=ABSENT
// RUN: not dpc-opt %s --dualpipe-schedule="schedule=%S/Inputs/missing-task.txt ranks=2" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: echo "module {}" | not dpc-opt --dualpipe-schedule="schedule=1f1b ranks=2" 2>&1 | FileCheck %s --check-prefix=EARLY

// UNKNOWN: dualpipe-schedule-invalid.mlir:[[# @LINE + 9]]:1: error: there is no schedule '2f2b'; known are gpipe, 1f1b, zb-h1, {{.*}}dualpipe, dualpipev
// ILLEGAL: error: dualpipe needs
// STAGES: error: schedule 1f1b is for 3 stages, but the step has 2
// RANKS: error: schedule wide is for 3 ranks, but the step has 2
// MICROBATCHES: error: schedule short is for 1 micro-batches, but the step has 2
// ABSENT: error: cannot read the schedule './absent.txt'
// MISSING: error: schedule forgetful cannot be executed: rank 0 never does 0W0
// EARLY: error: has no stages to schedule; the partition phase must come first

dualpipe.training optimizer "sgd" micro_batches 2 weighting "mean"
dualpipe.body @first {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>}) -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    return %x : tensor<4xf32>
  }
}
dualpipe.body @last {
  func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>}) {
    return
  }
}
dualpipe.stage @front = @first inputs [] feeds ["x"] params []
dualpipe.stage @back = @last inputs [#dualpipe.source<@front, 0>] feeds [] params []
