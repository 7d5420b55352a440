// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_LOWERING_PASSES_TD
#define DPC_LOWERING_PASSES_TD

include "mlir/Pass/PassBase.td"

def DualPipeSchedule : Pass<"dualpipe-schedule", "::mlir::ModuleOp"> {
  let summary = "put the schedule into the module";
  let description = [{
    Creates `dualpipe.schedule @train_step` over all stages in their order, from a
    schedule's name, from a file in the text form or from such a text. The number of stages, the
    number of ranks and the micro-batches of the step must be the schedule's.

    Requires: stages and `dualpipe.training`. Ensures: exactly one schedule.
  }];
  let options = [
    Option<"schedule", "schedule", "std::string", "\"\"", "name, or file (a name with '.' or '/')">,
    Option<"ranks", "ranks", "unsigned", "1", "ranks of the pipeline">,
    Option<"text", "text", "std::string", "\"\"", "the schedule itself in the text form, whatever its name">
  ];
}

def DualPipeLower : Pass<"dualpipe-lower", "::mlir::ModuleOp"> {
  let summary = "write a program for every rank from stages and schedule";
  let description = [{
    Before: bodies whose halves are command lists (launches, library calls,
    collectives), stages, a schedule. After: these, and for each entry point
    (`train_step`, and `eval_step` where bodies have an evaluation) a `prog.program`
    per coordinate of the pp axis, with the step's own kernels at the module's top
    level.

    Requires: the kernels and the schedule phase. Ensures: the messages of all ranks
    are projections of one sequence; every conflict between streams of a rank is
    ordered by an event.
  }];
  let options = [Option<"machineFile", "machine", "std::string", "\"\"", "machine description: a JSON file, or hopper; empty is the default one">];
  let statistics = [
    Statistic<"messages", "messages", "messages between ranks in a step">,
    Statistic<"blocks", "blocks", "distinct blocks">,
    Statistic<"peakStashes", "peak-stashes", "most stashes alive on one rank">
  ];
  let dependentDialects = ["::dpc::prog::ProgDialect"];
}

def ProgReduceWaits : Pass<"prog-reduce-waits", "::dpc::prog::ProgramOp"> {
  let summary = "take out waits that other waits imply";
  let description = [{
    A wait for an event is left out where something else that the command comes behind
    comes behind that event: of the order, and within the blocks, where a wait stays if one
    of the block's runs needs it. An operand's event that no command of the block needs is
    not given.

    Requires: lists in which nothing waits for what comes later. Ensures: what is ordered
    before is ordered after.

    ```mlir
    // dpc-opt --pass-pipeline="builtin.module(prog.program(prog-reduce-waits))"
    prog.program @example entry "train_step" coordinate 0 streams [#prog<stream compute>, #prog<stream comm>, #prog<stream reduce>] micro_batches 1
        weighting "mean" optimizer "sgd" {
      prog.arena @stash stash 64
      prog.tensor "x" : tensor<16xf32>
      %x = prog.slot @stash[0] : !prog.slot<16xf32>
      prog.order {
        %a = prog.feed "x" 0 to %x : !prog.slot<16xf32> on compute
        %b = prog.feed "x" 0 to %x : !prog.slot<16xf32> on comm after %a
        %c = prog.feed "x" 0 to %x : !prog.slot<16xf32> on reduce after %a, %b
      }
    }
    // becomes
    %3 = prog.feed "x" 0 to %0 : <16xf32> on reduce after %2
    ```
  }];
  let statistics = [Statistic<"removed", "removed", "waits taken out">];
}

#endif
