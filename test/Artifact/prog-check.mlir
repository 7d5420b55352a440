// RUN: dpc-opt %s > %t.before
// RUN: dpc-opt %s --prog-check > %t.after
// RUN: diff %t.before %t.after

// Two ranks that send each other a message; the slot is overwritten only after it has
// been sent. The check changes nothing.

prog.program @step.rank0 entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  // A slot may stand before its arena.
  %a = prog.slot @messages[0] : !prog.slot<16xf32>
  prog.arena @stash stash 64
  prog.arena @messages messages 128
  prog.order {
    %b = prog.slot @messages[64] : !prog.slot<16xf32>
    %0 = prog.fill %a with 1 : !prog.slot<16xf32> on compute
    %sent, %got, %done = prog.exchange on comm completes !prog.event, !prog.event {
      prog.send %a after %0 to 1 message 0 : !prog.slot<16xf32>
      prog.recv %b from 1 message 1 : !prog.slot<16xf32>
    }
    %1 = prog.copy %b to %a : !prog.slot<16xf32> on compute after %sent, %got
    %2 = prog.join on compute after %done
  }
}
prog.program @step.rank1 entry "step" coordinate 1 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
  prog.arena @messages messages 128
  prog.order {
    %a = prog.slot @messages[0] : !prog.slot<16xf32>
    %b = prog.slot @messages[64] : !prog.slot<16xf32>
    %0 = prog.fill %a with 2 : !prog.slot<16xf32> on compute
    %got, %sent, %done = prog.exchange on comm completes !prog.event, !prog.event {
      prog.recv %b from 0 message 0 : !prog.slot<16xf32>
      prog.send %a after %0 to 0 message 1 : !prog.slot<16xf32>
    }
    %1 = prog.join on compute after %done
  }
}
