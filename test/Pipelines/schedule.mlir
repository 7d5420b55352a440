// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-schedule="schedule=dualpipe ranks=2" > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: dpc-opt %t.mlir | diff - %t.mlir

// One schedule over all stages: each rank holds both, of one replica each, and pairs a
// forward with a backward of the other. Its own verifier is the proof that every task is
// done once and that ranks can go on; the text parses to what it was printed from.

// CHECK: dualpipe.schedule @train_step stages [@s0, @s1] "schedule dualpipe\0Aranks 2\0Astages 2\0Amicro-batches 4\0A
// CHECK-SAME: replica 0: micro-batches 0..1 on ranks 0 1\0Areplica 1: micro-batches 2..3 on ranks 1 0\0A
// CHECK-SAME: rank 0: 0F0 1F2 0F1 1B2 (1F3&0B0) 1B3 0I1 0W1\0A
// CHECK-SAME: rank 1: 0F2 1F0 0F3 1B0 (1F1&0B2) 1B1 0I3 0W3\0A"
// CHECK-NOT: dualpipe.schedule
