// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 optimizer=adamw cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-schedule="schedule=dualpipe ranks=2" --dualpipe-lower --prog-check > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: dpc-opt %t.mlir --prog-check | diff - %t.mlir
// RUN: dpc-opt --mlir-print-op-generic %t.mlir | dpc-opt | diff - %t.mlir

// A program per rank, each with both stages' blocks and the pair of its schedule; buckets
// of gradients are summed over the two ranks, then all of AdamW's updates. What prog-check
// has accepted reads back as it was, and is accepted again.

// CHECK: prog.program @train_step.rank0 entry "train_step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>, #prog<stream reduce>] micro_batches 4 weighting "denominator" optimizer "adamw" {
// CHECK: prog.group @ranks0_1 [0, 1]
// CHECK: prog.parameter "first.weight" : tensor<16x32xf32> weight %{{.*}} gradient %{{.*}} moments %{{.*}}, %{{.*}} ["exp_avg", "exp_avg_sq"] entry {{[0-9]}} counted
// CHECK: prog.block @s0.forward forward
// CHECK: prog.block @s1.forward forward
// CHECK: prog.block @s1.input_half input_half
// CHECK: prog.block @s1.weight_half weight_half
// CHECK: prog.block @"s1.forward+s0.backward" pair attributes {{.*}}pair_stage = 0 : i64, stage = 1 : i64}
// CHECK: prog.order {
// CHECK: %[[OUT:.*]], %{{.*}} = prog.run @s0.forward({{.*}} yields !prog.event {micro_batch = 0 : i64}
// CHECK: prog.send %{{.*}} after %[[OUT]] to 1
// CHECK: prog.run @"s1.forward+s0.backward"({{.*}} {micro_batch = 3 : i64, pair_micro_batch = 0 : i64}
// CHECK: %{{[a-z_0-9]+}}, %[[DONE:done_[0-9]+]] = prog.run @s1.weight_half({{.*}} {micro_batch = 3 : i64}
// CHECK: prog.collective all_reduce over @ranks0_1 {{.*}} on reduce after %[[DONE]]
// CHECK: prog.run @s0.weight_half({{.*}} {micro_batch = 1 : i64}
// CHECK: prog.collective all_reduce over @ranks0_1 {{.*}} on reduce after
// CHECK: prog.join on compute
// CHECK: prog.program @train_step.rank1
// Parameters of mirrored ranks count once in a norm.
// CHECK: prog.parameter "first.weight"
// CHECK-NOT: counted
// CHECK: prog.order
