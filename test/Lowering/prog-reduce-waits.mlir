// RUN: dpc-opt %s --pass-pipeline='builtin.module(prog.program(prog-reduce-waits))' --split-input-file | FileCheck %s

// What a stream of a block has learned of the other holds for the streams that wait
// for it.

// CHECK-LABEL: prog.program @learned
// CHECK: prog.block @both
// CHECK: %[[A:.*]] = prog.fill %{{.*}} with 0 : <16xf32> on  compute after %arg2{{$}}
// CHECK: %[[B:.*]] = prog.collective all_reduce {{.*}} on  collective after %[[A]]{{$}}
// CHECK: prog.fill %{{.*}} with 1 : <16xf32> on  compute after %[[B]]{{$}}
// CHECK: prog.order
// CHECK: %[[FED:.*]] = prog.feed
// CHECK: %[[FREE:.*]] = prog.feed
// CHECK: prog.run @both({{.*}}) ready %[[FREE]] for [0] yields
// CHECK: %[[C:.*]]:2, %{{.*}} = prog.exchange on  comm completes !prog.event, !prog.event {
// CHECK-NEXT: prog.send %{{.*}} after %{{[^,]*}} to 1
// CHECK-NEXT: prog.recv %{{.*}} from 1
// CHECK: prog.join on  reduce after %[[C]]#0{{$}}
// CHECK: prog.join on  reduce after %[[C]]#1{{$}}
// CHECK: prog.join on  reduce{{$}}

prog.program @learned entry "train_step" coordinate 0
    streams [#prog<stream compute>, #prog<stream comm>, #prog<stream collective>, #prog<stream reduce>]
    micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @stash stash 256
  prog.group @pair [0, 1]
  prog.tensor "x" : tensor<16xf32>
  prog.block @both forward attributes {operand_access = [#prog<access read_write>, #prog<access write>], operand_names = ["x", "y"]} {
  ^bb0(%x: !prog.slot<16xf32>, %y: !prog.slot<16xf32>, %x_ready: !prog.event, %y_ready: !prog.event):
    %a = prog.fill %x with 0 : !prog.slot<16xf32> on compute after %x_ready
    // Not for y: what comes before x has been there is behind it, in the run below.
    %b = prog.collective all_reduce over @pair %x to %y : !prog.slot<16xf32>, !prog.slot<16xf32> on collective after %a, %x_ready, %y_ready
    %c = prog.fill %x with 1 : !prog.slot<16xf32> on compute after %b, %x_ready
    prog.results %c, %b for [0, 1]
  }
  %x = prog.slot @stash[0] : !prog.slot<16xf32>
  %y = prog.slot @stash[64] : !prog.slot<16xf32>
  %z = prog.slot @stash[128] : !prog.slot<16xf32>
  prog.order {
    %fed = prog.feed "x" 0 to %y : !prog.slot<16xf32> on compute
    %free = prog.feed "x" 0 to %x : !prog.slot<16xf32> on comm after %fed
    %rx, %ry, %ran = prog.run @both(%x, %y : !prog.slot<16xf32>, !prog.slot<16xf32>) ready %free, %fed for [0, 1] after %fed yields !prog.event, !prog.event
    %sent, %got, %all = prog.exchange on comm completes !prog.event, !prog.event {
      prog.send %y after %rx, %ry to 1 message 0 : !prog.slot<16xf32>
      prog.recv %z after %ran from 1 message 1 : !prog.slot<16xf32>
    }
    %i = prog.join on reduce after %sent
    %j = prog.join on reduce after %got, %sent
    %k = prog.join on reduce after %rx, %ran, %free
  }
}

// -----

// A wait of a block that one of its runs needs stays; the other run gives it no event.

// CHECK-LABEL: prog.program @once
// CHECK: prog.fill %{{.*}} with 0 : <16xf32> on  compute after %{{.*}}{{$}}
// CHECK: %[[FED:.*]] = prog.feed
// CHECK: prog.run @clear({{.*}}) ready %[[FED]] for [0] yields
// CHECK: prog.run @clear({{.*}}) for [] yields

prog.program @once entry "train_step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>]
    micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @stash stash 64
  prog.tensor "x" : tensor<16xf32>
  prog.block @clear other attributes {operand_access = [#prog<access write>], operand_names = ["sum"]} {
  ^bb0(%sum: !prog.slot<16xf32>, %sum_ready: !prog.event):
    %done = prog.fill %sum with 0 : !prog.slot<16xf32> on compute after %sum_ready
    prog.results %done for [0]
  }
  %x = prog.slot @stash[0] : !prog.slot<16xf32>
  prog.order {
    %fed = prog.feed "x" 0 to %x : !prog.slot<16xf32> on comm
    %a, %ran = prog.run @clear(%x : !prog.slot<16xf32>) ready %fed for [0] yields !prog.event
    %b, %again = prog.run @clear(%x : !prog.slot<16xf32>) ready %fed for [0] yields !prog.event
  }
}

// -----

// Nothing to do.

// CHECK-LABEL: prog.program @each
// CHECK: %[[A:.*]] = prog.feed
// CHECK: %[[B:.*]] = prog.join on  comm after %[[A]]{{$}}
// CHECK: prog.join on  reduce after %[[B]]{{$}}

prog.program @each entry "train_step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>, #prog<stream reduce>]
    micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @stash stash 64
  prog.tensor "x" : tensor<16xf32>
  %x = prog.slot @stash[0] : !prog.slot<16xf32>
  prog.order {
    %a = prog.feed "x" 0 to %x : !prog.slot<16xf32> on compute
    %b = prog.join on comm after %a
    %c = prog.join on reduce after %b
  }
}
