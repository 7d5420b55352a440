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

#endif
