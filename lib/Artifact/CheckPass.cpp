// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prog-check: the lowering phase's proof that ranks can run its programs.
#include "dpc/Artifact/Passes.h"

#include "WrittenPrograms.h"
#include "program/check/Check.h"

namespace dpc::artifact {
#define GEN_PASS_DEF_PROGCHECK
#include "dpc/Artifact/Passes.h.inc"

namespace {
struct ProgCheck : impl::ProgCheckBase<ProgCheck> {
  void runOnOperation() override {
    const auto &written = getAnalysis<WrittenPrograms>();
    if (!written.areComplete)
      return signalPassFailure();
    for (auto &[entry, files] : written.entries) {
      dpcrt::CheckReport report;
      dpcrt::Status status = dpcrt::checkPrograms(viewsOf(files), &report);
      if (!status.ok()) {
        getOperation().emitError() << entry << ": " << status.message();
        return signalPassFailure();
      }
      if (entry == written.entries.front().first)
        numMessages += report.messages;
    }
    markAllAnalysesPreserved();
  }
};
} // namespace
} // namespace dpc::artifact
