// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one order of the phase's passes.
#include "dpc/Autodiff/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace dpc;

namespace dpc::autodiff {
#define GEN_PASS_REGISTRATION
#include "dpc/Autodiff/Passes.h.inc"
} // namespace dpc::autodiff

void dpc::autodiff::buildAutodiffPipeline(OpPassManager &manager,
                                          const AutodiffPipelineOptions &options) {
  // First, while the forward is what the model says and keeps nothing.
  manager.addPass(createDualPipeAddEvaluation());
  manager.addPass(createDualPipeDifferentiate());
  // Derivatives of neighbouring operations repeat each other's constants and
  // masks; merged before the choice, so that no value is counted twice.
  manager.addNestedPass<dualpipe::BodyOp>(createCSEPass());
  DualPipeChooseResidualsOptions residuals;
  residuals.recompute = options.recompute;
  residuals.budget = options.budget;
  manager.addPass(createDualPipeChooseResiduals(residuals));
  // What a half now computes again may also be part of its own derivatives.
  manager.addNestedPass<dualpipe::BodyOp>(createCSEPass());
  // After the choice: an accumulator is no residual.
  manager.addPass(createDualPipeAccumulate());
  manager.addPass(createDualPipeVerifyDifferentiated());
}

void dpc::autodiff::registerAutodiffPhase() {
  registerAutodiffPasses();
  PassPipelineRegistration<AutodiffPipelineOptions>(
      "dpc-autodiff-pipeline", "from stages' forwards to forward, input half and weight half",
      buildAutodiffPipeline);
}
