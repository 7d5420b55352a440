// RUN: dpc-opt %s --dpc-import-pipeline --dpc-partition-pipeline="stages=4 micro-batches=4 optimizer=sgd cuts=after:embedding,after:second,after:third" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-schedule="schedule=interleaved ranks=2" --dualpipe-lower --prog-check | FileCheck %s
// RUN: sed -e 's/^.. UNTIED //' -e 's/nn.get @wte\(.*\)"head"/nn.get @head.weight\1"head"/' %s > %t.mlir
// RUN: dpc-opt %t.mlir --dpc-import-pipeline --dpc-partition-pipeline="stages=4 micro-batches=4 optimizer=sgd cuts=after:embedding,after:second,after:third" \
// RUN:   --dpc-autodiff-pipeline --dpc-kernels-pipeline --dualpipe-schedule="schedule=interleaved ranks=2" --dualpipe-lower --prog-check | FileCheck %s --check-prefix=UNTIED

// The first stage and the last share a parameter, and are on two ranks. Its reduction has
// one place among all communications: behind the last weight half of both. Rank 1 has
// summed its part earlier and still has messages to exchange then; they stand before the
// reduction, as on rank 0, and the reduction waits for none of them.

// CHECK: prog.program @train_step.rank0
// CHECK: prog.recv %{{.*}} from 1 message 23
// CHECK: %[[DONE:.*]] = prog.run @s0.weight_half({{.*}} {micro_batch = 3 : i64}
// CHECK-NEXT: prog.collective all_reduce over @ranks0_1 {{.*}} : <256xf32>, <256xf32> on reduce after %[[DONE]]{{$}}
// CHECK-NOT: prog.exchange
// CHECK: prog.program @train_step.rank1
// CHECK: %{{.*}}, %[[DONE:.*]] = prog.run @s3.weight_half({{.*}} {micro_batch = 3 : i64}
// CHECK-NOT: prog.collective
// CHECK: prog.send %{{.*}} to 0 message 21
// CHECK-NOT: prog.collective
// CHECK: prog.recv %{{.*}} from 0 message 22
// CHECK-NOT: prog.collective
// CHECK: prog.send %{{.*}} to 0 message 23
// CHECK-NOT: prog.collective
// CHECK: prog.run @s1.weight_half({{.*}} {micro_batch = 3 : i64}
// CHECK-NEXT: prog.collective all_reduce over @ranks0_1 {{.*}} : <256xf32>, <256xf32> on reduce after %[[DONE]]{{$}}
// CHECK-NOT: prog.exchange
// CHECK: prog.program @eval_step.rank0

// Without a tie nothing is reduced but the step's sums, at its end.

// UNTIED: prog.program @train_step.rank0
// UNTIED-NOT: prog.collective
// UNTIED: prog.run @s0.weight_half({{.*}} {micro_batch = 3 : i64}
// UNTIED-NOT: prog.exchange
// UNTIED: prog.collective all_reduce over @ranks0_1 {{.*}} : <4xf32>, <4xf32> on reduce
// UNTIED-NOT: prog.collective
// UNTIED: prog.program @train_step.rank1
// UNTIED-NOT: prog.collective
// UNTIED: prog.send %{{.*}} to 0 message 23
// UNTIED-NEXT: }
// UNTIED: prog.run @s1.weight_half({{.*}} {micro_batch = 3 : i64}
// UNTIED-NOT: prog.exchange
// UNTIED: prog.collective all_reduce over @ranks0_1 {{.*}} : <4xf32>, <4xf32> on reduce
// UNTIED-NOT: prog.collective
// UNTIED: prog.program @eval_step.rank0

nn.parameter @wte : tensor<16x16xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @second.weight : tensor<16x16xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
nn.parameter @third.weight : tensor<16x16xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
// UNTIED nn.parameter @head.weight : tensor<16x16xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>

func.func @forward(%x: tensor<8x16xf32> {nn.name = "x"}, %labels: tensor<8xi64> {nn.name = "labels"})
    -> (tensor<f32> {nn.name = "loss"}, tensor<f32> {nn.name = "den"}) attributes {nn.weighting = "denominator"} {
  %w0 = nn.get @wte : tensor<16x16xf32> loc(fused<"embedding">["wte"])
  %w1 = nn.get @second.weight : tensor<16x16xf32> loc(fused<"second">["second.weight"])
  %w2 = nn.get @third.weight : tensor<16x16xf32> loc(fused<"third">["third.weight"])
  %w3 = nn.get @wte : tensor<16x16xf32> loc(fused<"head">["head.weight"])
  %0 = nn.matmul %x, %w0 : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32> loc(fused<"embedding">["embedding/MatMul"])
  %1 = nn.tanh %0 : tensor<8x16xf32> loc(fused<"embedding">["embedding/Tanh"])
  %2 = nn.matmul %1, %w1 : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32> loc(fused<"second">["second/MatMul"])
  %3 = nn.tanh %2 : tensor<8x16xf32> loc(fused<"second">["second/Tanh"])
  %4 = nn.matmul %3, %w2 : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32> loc(fused<"third">["third/MatMul"])
  %5 = nn.tanh %4 : tensor<8x16xf32> loc(fused<"third">["third/Tanh"])
  %6 = nn.matmul %5, %w3 : tensor<8x16xf32>, tensor<16x16xf32> to tensor<8x16xf32> loc(fused<"head">["head/MatMul"])
  %7, %8 = nn.cross_entropy %6, %labels : tensor<8x16xf32>, tensor<8xi64> loc(fused<"head">["head/CrossEntropy"])
  %9 = nn.constant dense<1.0> : tensor<8xf32>
  %10, %11 = nn.weighted_mean %7, %9 : tensor<8xf32> loc(fused<"head">["head/Mean"])
  return %10, %11 : tensor<f32>, tensor<f32>
}
