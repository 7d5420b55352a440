// RUN: dpc-opt %s --dualpipe-schedule="schedule=1f1b ranks=2" | FileCheck %s --check-prefixes=CHECK,NAME
// RUN: dpc-opt %s --dualpipe-schedule="schedule=%S/Inputs/two-ranks.txt ranks=2" | FileCheck %s --check-prefixes=CHECK,FILE
// RUN: dpc-opt %s --dualpipe-schedule="schedule=zb-h1 ranks=2" --dualpipe-schedule="schedule=1f1b ranks=2" | FileCheck %s --check-prefixes=CHECK,NAME

// By name or from a file, in the one text form; a schedule that is there is replaced,
// nothing else changes.

// CHECK-NOT: dualpipe.schedule
// CHECK: dualpipe.stage @front
// CHECK-NEXT: dualpipe.stage @back
// NAME-NEXT: dualpipe.schedule @train_step stages [@front, @back] "schedule 1f1b\0Aranks 2\0Astages 2\0Amicro-batches 2\0Areplica 0: micro-batches 0..1 on ranks 0 1\0Arank 0: 0F0 0F1 0B0 0B1\0Arank 1: 1F0 1B0 1F1 1B1\0A"
// FILE-NEXT: dualpipe.schedule @train_step stages [@front, @back] "schedule mine\0Aranks 2\0Astages 2\0Amicro-batches 2\0Areplica 0: micro-batches 0..1 on ranks 0 1\0Arank 0: 0F0 0F1 0I0 0W0 0B1\0Arank 1: 1F0 1I0 1F1 1W0 1B1\0A"
// CHECK-NOT: dualpipe.schedule

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
