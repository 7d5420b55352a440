// RUN: dpc-opt %s --prog-check | FileCheck %s

// Two holders of a parameter that keep the moments of a part each, all of them between
// them: what the first elements of a part are is written with its slots.

// CHECK-COUNT-2: prog.parameter "w"
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
    prog.arena @moments moments 23616
    prog.arena @record step_record 128
    %w = prog.slot @weights[0] : !prog.slot<10000xf32>
    %g = prog.slot @gradients[0] : !prog.slot<10000xf32>
    %m = prog.slot @moments[0] : !prog.slot<5904xf32>
    prog.parameter "w" : tensor<10000xf32> weight %w gradient %g ["momentum_buffer"] entry 0 : !prog.slot<10000xf32>, !prog.slot<10000xf32>
    prog.part of "w" from 4096 elements 5904 moments %m : !prog.slot<5904xf32>
    prog.order {
    }
  }
}
