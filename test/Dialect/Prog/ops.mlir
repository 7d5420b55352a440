// RUN: dpc-opt %s | dpc-opt | FileCheck %s
// RUN: dpc-opt --mlir-print-op-generic %s | dpc-opt | FileCheck %s

// Every operation, attribute and type of the dialect prints as it is written, and
// parses from its generic form.

// CHECK-LABEL: prog.program @train_step.rank0 entry "train_step" coordinate 0
// CHECK-SAME: streams [#prog<stream compute>, #prog<stream comm>, #prog<stream collective>, #prog<stream reduce>]
// CHECK-SAME: micro_batches 2 weighting "denominator" optimizer "adamw" {
prog.program @train_step.rank0 entry "train_step" coordinate 0
    streams [#prog<stream compute>, #prog<stream comm>, #prog<stream collective>, #prog<stream reduce>]
    micro_batches 2 weighting "denominator" optimizer "adamw" {
  // CHECK-NEXT: prog.arena @weights weights 24256
  prog.arena @weights weights 24256
  // CHECK-NEXT: prog.arena @gradients gradients 24256
  prog.arena @gradients gradients 24256
  // CHECK-NEXT: prog.arena @moments moments 8128
  prog.arena @moments moments 8128
  // CHECK-NEXT: prog.arena @stash stash 1024
  prog.arena @stash stash 1024
  // CHECK-NEXT: prog.arena @workspace workspace 128
  prog.arena @workspace workspace 128
  // CHECK-NEXT: prog.arena @constants constants 64
  prog.arena @constants constants 64
  // CHECK-NEXT: prog.arena @record step_record 256
  prog.arena @record step_record 256
  // CHECK-NEXT: prog.arena @messages messages 256
  prog.arena @messages messages 256
  // CHECK-NEXT: prog.group @ranks0_1 [0, 1]
  prog.group @ranks0_1 [0, 1]
  // CHECK-NEXT: prog.group @everybody [0, 1] over [dp, ep]
  prog.group @everybody [0, 1] over [dp, ep]
  // CHECK-NEXT: prog.group @ranks0_all_ep [0] over [ep]
  prog.group @ranks0_all_ep [0] over [ep]
  // CHECK-NEXT: prog.kernel @k_0 [!prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>] [#prog<access read>, #prog<access read_write>, #prog<access write>]
  prog.kernel @k_0 [!prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>] [#prog<access read>, #prog<access read_write>, #prog<access write>]
  // CHECK-NEXT: %[[W:.*]] = prog.slot @weights[64] : <16xf32>
  %w = prog.slot @weights[64] : !prog.slot<16xf32>
  %v = prog.slot @weights[128] : !prog.slot<4xi64>
  %g = prog.slot @gradients[0] : !prog.slot<16xf32>
  %m = prog.slot @moments[0] : !prog.slot<16xf32>
  %n = prog.slot @moments[64] : !prog.slot<16xf32>
  %l = prog.slot @weights[256] : !prog.slot<6000xf32>
  %lg = prog.slot @gradients[256] : !prog.slot<6000xf32>
  %lm = prog.slot @moments[512] : !prog.slot<1904xf32>
  %c = prog.slot @constants[0] : !prog.slot<4xf32>
  // CHECK: prog.parameter "h.0.w" : tensor<4x4xf32> weight %[[W]] gradient %{{.*}} moments %{{.*}}, %{{.*}} ["exp_avg", "exp_avg_sq"] entry 1 counted : <16xf32>, !prog.slot<16xf32> moments !prog.slot<16xf32>, !prog.slot<16xf32>
  prog.parameter "h.0.w" : tensor<4x4xf32> weight %w gradient %g moments %m, %n ["exp_avg", "exp_avg_sq"] entry 1 counted : !prog.slot<16xf32>, !prog.slot<16xf32> moments !prog.slot<16xf32>, !prog.slot<16xf32>
  // CHECK-NEXT: prog.parameter "large" : tensor<6000xf32> weight %{{.*}} gradient %{{.*}} ["momentum_buffer"] entry 2 : <6000xf32>, !prog.slot<6000xf32>
  prog.parameter "large" : tensor<6000xf32> weight %l gradient %lg ["momentum_buffer"] entry 2 : !prog.slot<6000xf32>, !prog.slot<6000xf32>
  // CHECK-NEXT: prog.part of "large" from 4096 elements 1904 for [0, 2] moments %{{.*}} : !prog.slot<1904xf32>
  prog.part of "large" from 4096 elements 1904 for [0, 2] moments %lm : !prog.slot<1904xf32>
  // CHECK-NEXT: prog.parameter "frozen" : tensor<4xi64> weight %{{.*}} [] entry 0 : <4xi64>
  prog.parameter "frozen" : tensor<4xi64> weight %v [] entry 0 : !prog.slot<4xi64>
  // CHECK-NEXT: prog.tensor "ids" : tensor<2x8xf32>
  prog.tensor "ids" : tensor<2x8xf32>
  // CHECK-NEXT: prog.tensor output "loss" : tensor<f32>
  prog.tensor output "loss" : tensor<f32>
  // CHECK-NEXT: prog.constant dense<1.000000e+00> : tensor<4xf32> in %{{.*}} : <4xf32>
  prog.constant dense<1.0> : tensor<4xf32> in %c : !prog.slot<4xf32>

  // CHECK: prog.block @s0.forward forward attributes {operand_access = [#prog<access read>, #prog<access write>], operand_names = ["input0", "output0"], stage = 0 : i64} {
  // CHECK-NEXT: ^bb0(%[[X:.*]]: !prog.slot<16xf32>, %[[Y:.*]]: !prog.slot<16xf32>, %[[HASX:.*]]: !prog.event, %[[FREEY:.*]]: !prog.event):
  prog.block @s0.forward forward attributes {operand_access = [#prog<access read>, #prog<access write>], operand_names = ["input0", "output0"], stage = 0 : i64} {
  ^bb0(%x: !prog.slot<16xf32>, %y: !prog.slot<16xf32>, %hasX: !prog.event, %freeY: !prog.event):
    %p = prog.slot @weights[64] : !prog.slot<16xf32>
    %t = prog.slot @workspace[0] : !prog.slot<16xf32>
    %s = prog.slot @workspace[64] : !prog.slot<1xf32>
    // CHECK: %[[CALL:.*]] = prog.call #library.matmul<batch [2] m 2 n 2 k 2 lhs [4, 2, 1] rhs [0, 2, 1] dst [4, 2, 1] accumulate false blocks 2, 2>(%[[X]], %{{.*}}, %[[T:.*]] : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<16xf32>) on compute after %[[HASX]]
    %0 = prog.call #library.matmul<batch [2] m 2 n 2 k 2 lhs [4, 2, 1] rhs [0, 2, 1] dst [4, 2, 1] accumulate false blocks 2, 2>(%x, %p, %t : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<16xf32>) on compute after %hasX
    // CHECK-NEXT: %[[ALL:.*]] = prog.collective all_to_all over @ranks0_all_ep %[[T]] to %[[Y]] : <16xf32>, <16xf32> on collective after %[[CALL]], %[[FREEY]]
    %1 = prog.collective all_to_all over @ranks0_all_ep %t to %y : !prog.slot<16xf32>, !prog.slot<16xf32> on collective after %0, %freeY
    // CHECK-NEXT: prog.call #library.matmul<m 4 n 4 k 4 lhs [4, 1] rhs [1, 4] dst [4, 1] accumulate true blocks 4, 4>
    %2 = prog.call #library.matmul<m 4 n 4 k 4 lhs [4, 1] rhs [1, 4] dst [4, 1] accumulate true blocks 4, 4>(%x, %p, %t : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<16xf32>) on compute
    // CHECK-NEXT: prog.launch @k_0(%{{.*}}, %{{.*}}, %{{.*}} : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>) on compute after %[[ALL]]
    %3 = prog.launch @k_0(%p, %y, %s : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>) on compute after %1
    // CHECK-NEXT: prog.results %[[CALL]], %{{.*}} for [0, 1]
    prog.results %0, %3 for [0, 1]
  }
  // The other kinds of task; a block may have no operands, and nothing to do.
  // CHECK: prog.block @i input_half
  prog.block @i input_half attributes {operand_access = [], operand_names = []} {
    // CHECK-NEXT: prog.results for []
    prog.results for []
  }
  // CHECK: prog.block @w weight_half
  prog.block @w weight_half attributes {operand_access = [], operand_names = []} {
    prog.results for []
  }
  // CHECK: prog.block @b backward
  prog.block @b backward attributes {operand_access = [], operand_names = []} {
    prog.results for []
  }
  // CHECK: prog.block @fb pair attributes {operand_access = [], operand_names = [], pair_stage = 1 : i64, stage = 0 : i64}
  prog.block @fb pair attributes {operand_access = [], operand_names = [], pair_stage = 1 : i64, stage = 0 : i64} {
    prog.results for []
  }
  // CHECK: prog.block @u update
  prog.block @u update attributes {operand_access = [], operand_names = []} {
    prog.results for []
  }
  // CHECK: prog.block @o other
  prog.block @o other attributes {operand_access = [], operand_names = []} {
    prog.results for []
  }

  // CHECK: prog.order {
  prog.order {
    %a = prog.slot @stash[0] : !prog.slot<16xf32>
    %b = prog.slot @stash[64] : !prog.slot<16xf32>
    %recv = prog.slot @messages[0] : !prog.slot<16xf32>
    %send = prog.slot @messages[64] : !prog.slot<16xf32>
    %flag = prog.slot @stash[128] : !prog.slot<1xf32>
    %part = prog.slot @stash[192] : !prog.slot<8xf32>
    // CHECK: %[[ZERO:.*]] = prog.fill %{{.*}} with 0 : <16xf32> on compute
    %0 = prog.fill %b with 0 : !prog.slot<16xf32> on compute
    // CHECK-NEXT: %[[FED:.*]] = prog.feed "ids" 1 to %{{.*}} : <16xf32> on compute
    %1 = prog.feed "ids" 1 to %a : !prog.slot<16xf32> on compute
    // CHECK-NEXT: %[[TASK:.*]]:2, %{{.*}} = prog.run @s0.forward(%{{.*}}, %{{.*}} : !prog.slot<16xf32>, !prog.slot<16xf32>) ready %[[FED]] for [0] after %[[ZERO]] yields !prog.event, !prog.event {micro_batch = 1 : i64}
    %2, %3, %4 = prog.run @s0.forward(%a, %send : !prog.slot<16xf32>, !prog.slot<16xf32>) ready %1 for [0] after %0 yields !prog.event, !prog.event {micro_batch = 1 : i64}
    // CHECK-NEXT: %{{.*}} = prog.run @fb() for [] {micro_batch = 0 : i64, pair_micro_batch = 1 : i64}
    %5 = prog.run @fb() for [] {micro_batch = 0 : i64, pair_micro_batch = 1 : i64}
    // CHECK-NEXT: %[[EX:.*]]:2, %{{.*}} = prog.exchange on comm completes !prog.event, !prog.event {
    %6, %7, %8 = prog.exchange on comm completes !prog.event, !prog.event {
      // CHECK-NEXT: prog.send %{{.*}} after %[[TASK]]#1 to 1 message 3 : <16xf32>
      prog.send %send after %3 to 1 message 3 : !prog.slot<16xf32>
      // CHECK-NEXT: prog.recv %{{.*}} from 1 message 4 : <16xf32>
      prog.recv %recv from 1 message 4 : !prog.slot<16xf32>
    }
    // CHECK: prog.exchange on comm {
    %9 = prog.exchange on comm {
    }
    // CHECK: prog.copy %{{.*}} to %{{.*}} : <16xf32> on compute after %[[EX]]#1
    %10 = prog.copy %recv to %b : !prog.slot<16xf32> on compute after %7
    // CHECK-NEXT: %[[RED:.*]] = prog.collective all_reduce over @ranks0_1 %{{.*}} to %{{.*}} : <16xf32>, <16xf32> on reduce
    %12 = prog.collective all_reduce over @ranks0_1 %b to %b : !prog.slot<16xf32>, !prog.slot<16xf32> on reduce after %10
    // CHECK-NEXT: prog.collective reduce_scatter over @ranks0_1 %{{.*}} to %{{.*}} : <16xf32>, <8xf32> on reduce
    %13 = prog.collective reduce_scatter over @ranks0_1 %b to %part : !prog.slot<16xf32>, !prog.slot<8xf32> on reduce
    // CHECK-NEXT: prog.collective all_gather over @ranks0_1 %{{.*}} to %{{.*}} : <8xf32>, <16xf32> on reduce
    %14 = prog.collective all_gather over @ranks0_1 %part to %b : !prog.slot<8xf32>, !prog.slot<16xf32> on reduce
    // CHECK-NEXT: prog.launch @k_0(%{{.*}}) for [0, 2] on compute
    %17 = prog.launch @k_0(%a, %b, %flag : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>) for [0, 2] on compute
    // CHECK-NEXT: prog.launch @k_0(%{{.*}}) for [1] if comparing on compute
    %18 = prog.launch @k_0(%a, %b, %flag : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>) for [1] if comparing on compute
    // CHECK-NEXT: prog.launch @k_0(%{{.*}}) if comparing on compute after
    %19 = prog.launch @k_0(%a, %b, %flag : !prog.slot<16xf32>, !prog.slot<16xf32>, !prog.slot<1xf32>) if comparing on compute after %12
    // CHECK-NEXT: prog.fetch "loss" 0 from %{{.*}} : <1xf32> on compute
    %15 = prog.fetch "loss" 0 from %flag : !prog.slot<1xf32> on compute
    // CHECK-NEXT: prog.join on compute after %[[RED]]
    %16 = prog.join on compute after %12
  }
}
