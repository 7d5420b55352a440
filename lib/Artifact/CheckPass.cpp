// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// prog-check: the lowering phase's closing pass.
#include "dpc/Artifact/Artifact.h"
#include "dpc/Artifact/Passes.h"

namespace dpc::artifact {
#define GEN_PASS_DEF_PROGCHECK
#include "dpc/Artifact/Passes.h.inc"

namespace {
struct ProgCheck : impl::ProgCheckBase<ProgCheck> {
  void runOnOperation() override {
    ArtifactSummary summary;
    if (failed(checkPrograms(getOperation(), &summary)))
      signalPassFailure();
    numMessages += summary.messages;
    markAllAnalysesPreserved();
  }
};
} // namespace
} // namespace dpc::artifact
