// RUN: dpc-opt %s -split-input-file -dualpipe-lower | FileCheck %s

// Two stages on two ranks, one micro-batch: each task is a block; an output is sent
// after the event that its run yields for it; a gradient that arrives holds its run
// back; the sum of denominators is all ranks'; each rank updates what it holds. A block
// waits for those of its operands of which some run says when they are ready.

// CHECK: prog.program @step.rank0 entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>, #prog<stream reduce>] micro_batches 1 weighting "mean" optimizer "sgd" {
// CHECK: prog.parameter "w0" : tensor<4x4xf32> weight %{{.*}} gradient %{{.*}} [] entry 0 counted
// CHECK: prog.tensor "x" : tensor<4x4xf32>
// CHECK: prog.block @s0.forward forward attributes {dpc.planned = {seconds = {{.*}} : f64}, operand_access = [#prog<access read>, #prog<access write>], operand_names = ["feed0", "output0"], stage = 0 : i64}
// CHECK-NEXT: ^bb0(%[[X:.*]]: !prog.slot<16xf32>, %[[Y:.*]]: !prog.slot<16xf32>, %{{.*}}: !prog.event, %{{.*}}: !prog.event):
// CHECK-NEXT: %[[W:.*]] = prog.slot @weights[0] : <16xf32>
// CHECK-NEXT: %[[DONE:.*]] = prog.call #library.matmul<m 4 n 4 k 4 lhs [4, 1] rhs [4, 1] dst [4, 1] accumulate false blocks 4, 4>(%[[X]], %[[W]], %[[Y]] : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<16xf32>) on compute{{$}}
// CHECK-NEXT: prog.results %[[DONE]] for [1]
// CHECK: prog.block @s0.weight_half weight_half
// CHECK-NEXT: ^bb0(%{{.*}}: !prog.slot<16xf32>, %{{.*}}: !prog.slot<16xf32>, %{{.*}}: !prog.event, %[[HASG:.*]]: !prog.event):
// CHECK: %[[G:.*]] = prog.slot @gradients[0] : <16xf32>
// CHECK-NEXT: prog.call #library.matmul<m 4 n 4 k 4 lhs [1, 4] rhs [4, 1] dst [4, 1] accumulate true blocks 4, 4>(%{{.*}}, %{{.*}}, %[[G]] : {{.*}} on compute after %[[HASG]]
// CHECK: prog.order {
// CHECK: prog.fill %{{.*}} with 0
// CHECK: prog.feed "x" 0 to
// CHECK-NEXT: %[[YREADY:.*]], %{{.*}} = prog.run @s0.forward(
// CHECK-NEXT: prog.exchange on comm
// CHECK-NEXT: prog.send %{{.*}} after %[[YREADY]] to 1 message 0
// CHECK: %[[COME:.*]], %{{.*}} = prog.exchange on comm completes !prog.event {
// CHECK-NEXT: prog.recv %{{.*}} from 1 message 1
// CHECK: prog.run @s0.weight_half({{.*}}) ready %[[COME]] for
// CHECK: %[[SUM:.*]] = prog.collective all_reduce over @ranks0_1 {{.*}} on reduce
// CHECK-NEXT: %{{.*}} = prog.copy %{{.*}} to %{{.*}} : <2xf32> on compute
// CHECK-NEXT: %{{.*}} = prog.launch @k_{{.*}} on compute after %[[SUM]]
// CHECK-NEXT: %{{.*}} = prog.launch @k_
// CHECK-NEXT: %{{.*}} = prog.join on compute

// CHECK: prog.program @step.rank1 entry "step" coordinate 1
// CHECK: prog.tensor output "loss" : tensor<f32>
// CHECK: prog.order {
// CHECK: %[[COME:.*]], %{{.*}} = prog.exchange on comm completes !prog.event {
// CHECK-NEXT: prog.recv %{{.*}} from 0 message 0
// CHECK: prog.run @s1.forward({{.*}}) ready %[[COME]] for
// CHECK-NEXT: prog.fetch "loss" 0
// CHECK-NEXT: prog.fetch "den" 0
// CHECK-NEXT: %[[GREADY:.*]], %{{.*}} = prog.run @s1.input_half(
// CHECK-NEXT: prog.exchange on comm
// CHECK-NEXT: prog.send %{{.*}} after %[[GREADY]] to 0 message 1

nn.parameter @w0 : tensor<4x4xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
dualpipe.body @first {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>}, %w: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param 0>})
      -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
    %y = nn.matmul %x, %w : tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %y : tensor<4x4xf32>
  }
  func.func @weight_half(%g: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>}, %x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %a: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
    %0 = nn.matmul %x, %g into %a lhs [1, 0] : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> to tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}
dualpipe.body @last {
  func.func @forward(%x: tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input 0>})
      -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
    %loss, %den = dualpipe.launch @k_loss(%x) : (tensor<4x4xf32>) -> (tensor<f32>, tensor<f32>)
    return %loss, %den : tensor<f32>, tensor<f32>
  }
  func.func @input_half(%s: tensor<f32> {dualpipe.role = #dualpipe.role<loss_scale 0>}) -> (tensor<4x4xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
    %0 = dualpipe.launch @k_seed(%s) : (tensor<f32>) -> tensor<4x4xf32>
    return %0 : tensor<4x4xf32>
  }
}
dualpipe.stage @s0 = @first inputs [] feeds ["x"] params [@w0]
dualpipe.stage @s1 = @last inputs [#dualpipe.source<@s0, 0>] feeds [] params []
dualpipe.schedule @step stages [@s0, @s1] "schedule 1f1b\0Aranks 2\0Astages 2\0Amicro-batches 1\0Areplica 0: micro-batches 0..0 on ranks 0 1\0Arank 0: 0F0 0B0\0Arank 1: 1F0 1B0\0A"
func.func private @k_loss(%x: tensor<4x4xf32>) -> (tensor<f32>, tensor<f32>) attributes {dualpipe.kernel} {
  %loss = nn.reduce_sum %x [0, 1] : tensor<4x4xf32> to tensor<f32>
  %den = nn.constant dense<1.0> : tensor<f32>
  return %loss, %den : tensor<f32>, tensor<f32>
}
func.func private @k_seed(%s: tensor<f32>) -> tensor<4x4xf32> attributes {dualpipe.kernel} {
  %0 = nn.broadcast %s dims [] : tensor<f32> to tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// -----

// Nothing to do: no schedule, no programs.

// CHECK: dualpipe.training
// CHECK-NOT: prog.
dualpipe.training optimizer "sgd" micro_batches 1 weighting "mean"
