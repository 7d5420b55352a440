// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_ARTIFACT_PASSES_TD
#define DPC_ARTIFACT_PASSES_TD

include "mlir/Pass/PassBase.td"

def ProgCheck : Pass<"prog-check", "::mlir::ModuleOp"> {
  let summary = "prove that the programs of all ranks are free of deadlock and races";
  let description = [{
    Serialises every `prog.program` and gives the bytes to the checker of the
    runtime, the same that the loader runs. Its findings become errors
    (docs/ProgramFormat.md says what is proved).

    Requires: programs for all coordinates. Ensures: the runtime accepts them.
    Changes nothing.
  }];
  let statistics = [Statistic<"numMessages", "messages", "messages checked">];
}

def ProgProveValues : Pass<"prog-prove-values", "::mlir::ModuleOp"> {
  let summary = "prove that the programs of all ranks compute what the bodies define";
  let description = [{
    Executes the serialised programs over terms, that is over descriptions of how
    bytes came about, and compares every loss, gradient, moment and weight with the
    term that bodies, stages and schedule define for the whole step
    (docs/ProgramFormat.md says what is proved and under which assumptions). What
    differs is an error that names the value and where it first differs.

    Requires: programs that `prog-check` accepts, and the bodies, stages and schedule
    they were made from. Ensures: each entry point computes what these say. Changes
    nothing.
  }];
  let statistics = [
    Statistic<"numCommands", "commands", "commands executed, over all ranks and micro-batches">,
    Statistic<"numTerms", "terms", "different values">,
    Statistic<"numValues", "values", "losses, gradients, moments and weights compared">
  ];
}

#endif
