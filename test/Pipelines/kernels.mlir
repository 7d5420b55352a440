// RUN: dpc-opt %S/Inputs/mlp.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=2 micro-batches=4 cuts=after:first" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline | FileCheck %s

// Halves are lists of library calls and launches; the weight's gradient is added by the
// library, the bias's by its kernel, in place; stages know what they cost.

// CHECK: dualpipe.body @stage0
// CHECK: func.func @forward
// CHECK-NEXT: %[[H:.*]] = nn.matmul
// CHECK-NEXT: %[[Y:.*]] = dualpipe.launch @[[TANH:k_[0-9a-f]+]](%{{.*}}, %[[H]])
// CHECK-NEXT: return %[[Y]]
// CHECK: func.func @input_half
// CHECK-NEXT: dualpipe.launch @k_
// CHECK-NEXT: return
// CHECK: func.func @weight_half
// CHECK-DAG: nn.matmul %{{.*}}, %{{.*}} into %{{.*}} lhs [1, 0]
// CHECK-DAG: dualpipe.launch @[[BIAS:k_[0-9a-f]+]](
// CHECK: return
// CHECK: dualpipe.body @stage1
// CHECK: func.func @weight_half
// CHECK-NEXT: nn.matmul %{{.*}}, %{{.*}} into
// CHECK-NEXT: return
// CHECK: dualpipe.stage @s0 = @stage0 {{.*}} cost <forward = {{[0-9.eE-]+}} : f64, input = {{[0-9.eE-]+}} : f64, weight = {{[0-9.eE-]+}} : f64, communication = 0.000000e+00 : f64, bytesIn = 0, bytesOut = 1024>
// CHECK: dualpipe.stage @s1 = @stage1 {{.*}} bytesIn = 1024, bytesOut = 0>
// CHECK: func.func private @[[TANH]](
// CHECK: nn.broadcast
// CHECK: nn.add
// CHECK: nn.tanh
// CHECK: func.func private @[[BIAS]](%{{.*}}, %{{.*}}: tensor<32xf32> {dualpipe.inplace = 0 : i64})
// CHECK-NEXT: nn.reduce_sum
// CHECK-NEXT: nn.add
