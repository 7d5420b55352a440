// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels phase's closing check.
#include "Grouping.h"
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Kernels/Passes.h"

#include "dpc/Dialect/DualPipe/Kernel.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_DUALPIPEVERIFYKERNELS
#include "dpc/Kernels/Passes.h.inc"

namespace {
struct DualPipeVerifyKernelsPass : impl::DualPipeVerifyKernelsBase<DualPipeVerifyKernelsPass> {
  void runOnOperation() override {
    bool failed = false;
    for (auto body : getOperation().getOps<dualpipe::BodyOp>())
      for (auto function : body.getFunctions().getOps<func::FuncOp>())
        for (Operation &op : function.getBody().front()) {
          if (!belongsToHalf(&op)) {
            op.emitOpError() << "is in no kernel; launches, library calls, views, collectives and "
                                "large constants may stand in a body";
            failed = true;
          }
          if (nn::isCollective(&op) && !nn::isContiguous(&op)) {
            op.emitOpError() << "exchanges parts that are not contiguous; only collectives along "
                                "dimension 0 may stand in a body";
            failed = true;
          }
        }
    for (auto kernel : getOperation().getOps<func::FuncOp>()) {
      if (!kernel->hasAttr(dualpipe::kKernelAttr))
        continue;
      for (Operation &op : kernel.getBody().front().without_terminator())
        if (!isa<nn::NNDialect>(op.getDialect()) || (belongsToHalf(&op) && !isView(&op))) {
          op.emitOpError() << "is in a kernel, which may hold nn operations other than library "
                              "calls, collectives and large constants";
          failed = true;
        } else if (!isa<nn::KernelFormInterface>(op)) {
          op.emitOpError() << "is in a kernel, but does not say in which form one computes it "
                              "(KernelFormInterface)";
          failed = true;
        }
      std::string name = dualpipe::getKernelName(kernel);
      if (kernel.getName() != name) {
        kernel.emitOpError() << "is a kernel whose content is named @" << name;
        failed = true;
      }
    }
    failed |= mlir::failed(verifyTypes());
    for (auto stage : getOperation().getOps<dualpipe::StageOp>())
      if (!stage.getCost()) {
        stage.emitOpError() << "has no cost";
        failed = true;
      }
    if (failed)
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  // What is not computed in its own type must never be compiled: it would be computed
  // in another without a word.
  LogicalResult verifyTypes() {
    bool failed = false;
    for (auto parameter : getOperation().getOps<nn::ParameterOp>()) {
      Type element = parameter.getMasterType().getElementType();
      if (!parameter.getTrained() || element.isF32() || element.isF64())
        continue;
      parameter.emitOpError() << "is trained in elements of " << element
                              << ", which are too few bits to add an update to; give it a master "
                                 "of f32, or --freeze it";
      failed = true;
    }
    return failure(failed);
  }

  static bool isView(Operation *op) {
    auto cost = dyn_cast<nn::CostOpInterface>(op);
    return cost && cost.isView();
  }
};
} // namespace
} // namespace dpc::kernels
