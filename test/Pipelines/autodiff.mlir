// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline | FileCheck %s
// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline --mlir-print-debuginfo --mlir-print-local-scope | FileCheck %s --check-prefix=NAMES

// The first stage sends nothing on, but its activation's gradient is the input half's:
// the weight half adds what follows from it to the sums so far. The second stage's input
// half needs no bytes of the forward but the logits and what is cheap to make again. A
// derivative is called after the node that it is of.

// CHECK-LABEL: dualpipe.body @stage0
// CHECK: func.func @forward
// CHECK: func.func @input_half(%{{.*}} {dualpipe.role = #dualpipe.role<output_grad 0>},
// CHECK-SAME: -> (tensor<8x32xf32> {dualpipe.role = #dualpipe.role<kept [[K:[0-9]]]>})
// CHECK-NOT: nn.matmul
// CHECK: func.func @weight_half(
// CHECK-SAME: #dualpipe.role<kept [[K]]>
// CHECK-SAME: #dualpipe.role<feed 0>
// CHECK-SAME: %[[A0:[a-z0-9]+]]: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}, %[[A1:[a-z0-9]+]]: tensor<32xf32> {dualpipe.role = #dualpipe.role<accumulator 1>})
// CHECK-DAG: %[[DW:.*]] = nn.matmul %{{.*}}, %{{.*}} lhs [1, 0]
// CHECK-DAG: %[[DB:.*]] = nn.reduce_sum %{{.*}} [0]
// CHECK-DAG: nn.add %[[A0]], %[[DW]]
// CHECK-DAG: nn.add %[[A1]], %[[DB]]
// CHECK-LABEL: dualpipe.body @stage1
// CHECK: func.func @input_half(%[[DEN:.*]]: tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}, %[[SCALE:.*]]: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>},
// CHECK-SAME: -> (tensor<8x32xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}, tensor<8x4xf32> {dualpipe.role = #dualpipe.role<kept
// CHECK: nn.mul %[[DEN]], %[[SCALE]]
// CHECK: nn.cross_entropy_grad
// CHECK: func.func @weight_half
// CHECK-SAME: -> (tensor<4x32xf32> {dualpipe.role = #dualpipe.role<param_grad 0>})
// CHECK-NOT: nn.cross_entropy_grad

// NAMES: nn.cross_entropy_grad {{.*}} loc("grad of"(fused<"loss">["loss/CrossEntropy"]))
