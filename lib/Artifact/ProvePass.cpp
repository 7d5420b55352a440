// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prog-prove-values: the lowering phase's closing pass.
#include "dpc/Artifact/Passes.h"

#include "WrittenPrograms.h"
#include "dpc/Proof/ProveValues.h"

using namespace mlir;

namespace dpc::artifact {
#define GEN_PASS_DEF_PROGPROVEVALUES
#include "dpc/Artifact/Passes.h.inc"

namespace {
struct ProgProveValues : impl::ProgProveValuesBase<ProgProveValues> {
  void runOnOperation() override {
    const auto &written = getAnalysis<WrittenPrograms>();
    if (!written.areComplete)
      return signalPassFailure();
    for (auto &[entry, files] : written.entries) {
      proof::ValueReport report;
      if (failed(proof::proveValues(getOperation(), viewsOf(files), written.constants, &report)))
        return signalPassFailure();
      numCommands += report.commands;
      numTerms += report.terms;
      numValues += report.values;
    }
    markAllAnalysesPreserved();
  }
};
} // namespace
} // namespace dpc::artifact
