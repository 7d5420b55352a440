// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prog-prove-values: the lowering phase's closing pass.
#include "dpc/Artifact/Passes.h"

#include "ProgramContext.h"
#include "dpc/Proof/ProveValues.h"

using namespace mlir;

namespace dpc::artifact {
#define GEN_PASS_DEF_PROGPROVEVALUES
#include "dpc/Artifact/Passes.h.inc"

namespace {
struct ProgProveValues : impl::ProgProveValuesBase<ProgProveValues> {
  void runOnOperation() override {
    // Programs refer to constants by where these lie in one file.
    std::map<std::string, uint64_t> offsets;
    std::string constants;
    ProgramContext context = programContextOf(getOperation());
    context.constantOffsets = &offsets;
    context.constants = &constants;
    FailureOr<EntryFiles> entries = writePrograms(getOperation(), context);
    if (failed(entries))
      return signalPassFailure();
    for (auto &[entry, files] : *entries) {
      std::vector<const dpcrt::fb::Program *> programs;
      for (dpcrt::ProgramFile &file : files)
        programs.push_back(&file.program());
      proof::ValueReport report;
      if (failed(proof::proveValues(getOperation(), programs, constants, &report)))
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
