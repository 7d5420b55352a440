// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The passes: each walks the module's bodies in order and calls one function of
// Autodiff.h.
#include "dpc/Autodiff/Passes.h"

namespace dpc::autodiff {
#define GEN_PASS_DEF_DUALPIPEADDEVALUATION
#define GEN_PASS_DEF_DUALPIPEDIFFERENTIATE
#define GEN_PASS_DEF_DUALPIPECHOOSERESIDUALS
#define GEN_PASS_DEF_DUALPIPEACCUMULATE
#define GEN_PASS_DEF_DUALPIPEVERIFYDIFFERENTIATED
#include "dpc/Autodiff/Passes.h.inc"
} // namespace dpc::autodiff

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;

static int64_t countOperations(func::FuncOp function) {
  return function ? static_cast<int64_t>(function.getBody().front().getOperations().size()) - 1 : 0;
}

namespace {
struct AddEvaluation : autodiff::impl::DualPipeAddEvaluationBase<AddEvaluation> {
  void runOnOperation() override { numGraphOutputs += addEvaluation(getOperation()); }
};

struct Differentiate : autodiff::impl::DualPipeDifferentiateBase<Differentiate> {
  void runOnOperation() override {
    StageIndex stages(getOperation());
    // All bodies, so that every missing derivative is named at once.
    for (auto body : getOperation().getOps<dualpipe::BodyOp>()) {
      if (failed(differentiate(body, stages))) {
        signalPassFailure();
        continue;
      }
      numInputOps += countOperations(body.getInputHalf());
      numWeightOps += countOperations(body.getWeightHalf());
    }
  }
};

struct ChooseResiduals : autodiff::impl::DualPipeChooseResidualsBase<ChooseResiduals> {
  using DualPipeChooseResidualsBase::DualPipeChooseResidualsBase;

  void runOnOperation() override {
    ResidualOptions options;
    options.budget = budget;
    if (recompute == "none") {
      options.recompute = Recompute::None;
    } else if (recompute == "full") {
      options.recompute = Recompute::Full;
    } else if (recompute != "budget") {
      getOperation().emitError()
          << "'" << recompute << "' is no way to choose residuals, expected none, budget or full";
      return signalPassFailure();
    }
    if (!(options.budget >= 0 && options.budget <= 1000)) {
      getOperation().emitError() << "the recompute budget is " << options.budget
                                 << ", expected a fraction from 0 to 1000";
      return signalPassFailure();
    }
    for (auto body : getOperation().getOps<dualpipe::BodyOp>()) {
      autodiff::chooseResiduals(body, options);
      addToReport(body);
    }
  }

  void addToReport(dualpipe::BodyOp body) {
    BodySummary summary = summarize(body);
    forwardToInput += summary.forwardToInput;
    forwardToWeight += summary.forwardToWeight;
    inputToWeight += summary.inputToWeight;
    int64_t recomputed = summary.recomputedInInput + summary.recomputedInWeight;
    recomputedFlops += recomputed;
    if (report)
      body.emitRemark() << "body '" << summary.name << "' keeps " << summary.forwardToInput
                        << " bytes from forward to input half, " << summary.forwardToWeight
                        << " from forward to weight half, " << summary.inputToWeight
                        << " from input half to weight half, retains " << summary.retained
                        << ", and computes " << recomputed << " of " << summary.forwardFlops
                        << " flops again";
  }
};

struct Accumulate : autodiff::impl::DualPipeAccumulateBase<Accumulate> {
  void runOnOperation() override {
    for (auto body : getOperation().getOps<dualpipe::BodyOp>())
      numAccumulators += addAccumulators(body);
  }
};

struct VerifyDifferentiated
    : autodiff::impl::DualPipeVerifyDifferentiatedBase<VerifyDifferentiated> {
  void runOnOperation() override {
    StageIndex stages(getOperation());
    for (auto body : getOperation().getOps<dualpipe::BodyOp>())
      if (failed(verifyDifferentiated(body, stages)))
        signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
