// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 optimizer=adamw cuts=after:first" > %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 cuts=after:first" \
// RUN:   --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=NAMES

// Two bodies and two stages in place of the model; one value crosses the cut, each input
// is fed to the stage that reads it, the last stage has the loss, and nodes keep their
// names.

// CHECK: dualpipe.training optimizer "adamw" micro_batches 4 weighting "denominator"
// CHECK: dualpipe.body @stage0 {
// CHECK: func.func @forward(%{{.*}}: tensor<8x16xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %{{.*}}: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<param 0>}, %{{.*}}: tensor<32xf32> {dualpipe.role = #dualpipe.role<param 1>}) -> (tensor<8x32xf32> {dualpipe.role = #dualpipe.role<output 0>})
// CHECK: %[[Y:.*]] = nn.tanh
// CHECK-NEXT: return %[[Y]]
// CHECK: dualpipe.body @stage1 {
// CHECK: func.func @forward(%{{.*}}: tensor<8x32xf32> {dualpipe.role = #dualpipe.role<input 0>}, %{{.*}}: tensor<8xi64> {dualpipe.role = #dualpipe.role<feed 0>}, %{{.*}}: tensor<4x32xf32> {dualpipe.role = #dualpipe.role<param 0>}) -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>})
// CHECK: dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@first.weight, @first.bias]
// CHECK-NEXT: dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds ["labels"] params [@second.weight]
// CHECK-NOT: func.func @forward

// NAMES: dualpipe.body @stage0
// NAMES: nn.tanh {{.*}} loc(fused<"first">["first/Tanh"])
// NAMES: dualpipe.body @stage1
// NAMES: nn.cross_entropy {{.*}} loc(fused<"loss">["loss/CrossEntropy"])
