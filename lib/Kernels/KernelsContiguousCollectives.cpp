// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See the pass's description.
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSCONTIGUOUSCOLLECTIVES
#include "dpc/Kernels/Passes.h.inc"

namespace {
struct KernelsContiguousCollectivesPass
    : impl::KernelsContiguousCollectivesBase<KernelsContiguousCollectivesPass> {
  void runOnOperation() override {
    for (auto body : getOperation().getOps<dualpipe::BodyOp>()) {
      SmallVector<Operation *> collectives;
      body.walk([&](Operation *op) {
        if (nn::isCollective(op))
          collectives.push_back(op);
      });
      for (Operation *op : collectives) {
        if (failed(nn::verifyPlacement(op)))
          return signalPassFailure();
        rewritten += !nn::isContiguous(op);
        nn::makeContiguous(op);
      }
    }
  }
};
} // namespace
} // namespace dpc::kernels
