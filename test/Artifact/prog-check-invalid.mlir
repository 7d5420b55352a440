// RUN: dpc-opt %s -split-input-file -verify-diagnostics -prog-check

// expected-error @below {{has no programs; the lowering phase must come first}}
module {
}

// -----

// Both ranks wait for the other's message before they send their own.
// expected-error @below {{deadlock}}
module {
  prog.program @rank0 entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @messages messages 128
    prog.order {
      %a = prog.slot @messages[0] : !prog.slot<16xf32>
      %b = prog.slot @messages[64] : !prog.slot<16xf32>
      %got, %0 = prog.exchange on comm completes !prog.event {
        prog.recv %b from 1 message 1 : !prog.slot<16xf32>
      }
      %sent, %1 = prog.exchange on comm completes !prog.event {
        prog.send %a to 1 message 0 : !prog.slot<16xf32>
      }
      %2 = prog.join on compute after %1
    }
  }
  prog.program @rank1 entry "step" coordinate 1 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @messages messages 128
    prog.order {
      %a = prog.slot @messages[0] : !prog.slot<16xf32>
      %b = prog.slot @messages[64] : !prog.slot<16xf32>
      %got, %0 = prog.exchange on comm completes !prog.event {
        prog.recv %b from 0 message 0 : !prog.slot<16xf32>
      }
      %sent, %1 = prog.exchange on comm completes !prog.event {
        prog.send %a to 0 message 1 : !prog.slot<16xf32>
      }
      %2 = prog.join on compute after %1
    }
  }
}

// -----

// A message that nobody receives.
// expected-error @below {{message 0}}
module {
  prog.program @rank0 entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @messages messages 64
    prog.order {
      %a = prog.slot @messages[0] : !prog.slot<16xf32>
      %sent, %0 = prog.exchange on comm completes !prog.event {
        prog.send %a to 1 message 0 : !prog.slot<16xf32>
      }
      %1 = prog.join on compute after %0
    }
  }
  prog.program @rank1 entry "step" coordinate 1 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.order {
      %0 = prog.join on compute
    }
  }
}

// -----

// A slot is overwritten while it is being sent: no event orders the two streams.
// expected-error @below {{messages[0..64)}}
module {
  prog.program @rank0 entry "step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @messages messages 64
    prog.order {
      %a = prog.slot @messages[0] : !prog.slot<16xf32>
      %0 = prog.fill %a with 0 : !prog.slot<16xf32> on compute
      %sent, %1 = prog.exchange on comm completes !prog.event {
        prog.send %a after %0 to 1 message 0 : !prog.slot<16xf32>
      }
      %2 = prog.fill %a with 1 : !prog.slot<16xf32> on compute
      %3 = prog.join on compute after %1
    }
  }
  prog.program @rank1 entry "step" coordinate 1 streams [#prog<stream compute>, #prog<stream comm>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @messages messages 64
    prog.order {
      %a = prog.slot @messages[0] : !prog.slot<16xf32>
      %got, %0 = prog.exchange on comm completes !prog.event {
        prog.recv %a from 0 message 0 : !prog.slot<16xf32>
      }
      %1 = prog.join on compute after %0
    }
  }
}

// -----

// A coordinate without a program.
// expected-error @below {{step: }}
module {
  prog.program @rank1 entry "step" coordinate 1 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.order {
      %0 = prog.join on compute
    }
  }
}

// -----

// What the program's own form cannot say is said of the program.
module {
  // expected-error @below {{buffer}}
  prog.program @rank0 entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "sgd" {
    prog.arena @stash stash 64
    prog.kernel @k []  []
    prog.order {
      %0 = prog.launch @k() on compute
    }
  }
}

// -----

// Nobody keeps the moments in the middle.
// expected-error @below {{the moments of elements [4096..8192) of parameter 'w', which has 10000, are kept by none of its holders}}
module {
  prog.program @rank0 entry "step" coordinate 0 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "momentum" {
    prog.arena @weights weights 40000
    prog.arena @gradients gradients 40000
    prog.arena @moments moments 16384
    prog.arena @record step_record 128
    %w = prog.slot @weights[0] : !prog.slot<10000xf32>
    %g = prog.slot @gradients[0] : !prog.slot<10000xf32>
    %m = prog.slot @moments[0] : !prog.slot<4096xf32>
    prog.parameter "w" : tensor<10000xf32> weight %w gradient %g ["momentum_buffer"] entry 0 counted : !prog.slot<10000xf32>, !prog.slot<10000xf32>
    prog.part of "w" from 0 elements 4096 moments %m : !prog.slot<4096xf32>
    prog.order {
    }
  }
  prog.program @rank1 entry "step" coordinate 1 streams [#prog<stream compute>] micro_batches 1 weighting "mean" optimizer "momentum" {
    prog.arena @weights weights 40000
    prog.arena @gradients gradients 40000
    prog.arena @moments moments 7232
    prog.arena @record step_record 128
    %w = prog.slot @weights[0] : !prog.slot<10000xf32>
    %g = prog.slot @gradients[0] : !prog.slot<10000xf32>
    %m = prog.slot @moments[0] : !prog.slot<1808xf32>
    prog.parameter "w" : tensor<10000xf32> weight %w gradient %g ["momentum_buffer"] entry 0 : !prog.slot<10000xf32>, !prog.slot<10000xf32>
    prog.part of "w" from 8192 elements 1808 moments %m : !prog.slot<1808xf32>
    prog.order {
    }
  }
}
