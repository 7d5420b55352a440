// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See the pass's description.
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSACCUMULATECALLS
#include "dpc/Kernels/Passes.h.inc"

namespace {
struct KernelsAccumulateCallsPass : impl::KernelsAccumulateCallsBase<KernelsAccumulateCallsPass> {
  void runOnOperation() override {
    for (auto body : getOperation().getOps<dualpipe::BodyOp>())
      if (func::FuncOp half = body.getWeightHalf())
        half.walk([&](nn::AddOp add) { accumulate(half, add); });
  }

  void accumulate(func::FuncOp half, nn::AddOp add) {
    for (auto [sum, other] :
         {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
      auto argument = dyn_cast<BlockArgument>(sum);
      Operation *producer = other.getDefiningOp();
      if (!argument || !producer || !nn::isLibraryCall(producer) || !argument.hasOneUse() ||
          !other.hasOneUse())
        continue;
      auto call = cast<nn::LibraryOpInterface>(producer);
      if (!call.canAccumulate() || call.getAccumulator())
        continue;
      dualpipe::RoleAttr role = dualpipe::getArgRole(half, argument.getArgNumber());
      if (!role || role.getKind() != dualpipe::RoleKind::Accumulator)
        continue;
      call.setAccumulator(argument);
      call->setLoc(FusedLoc::get(&getContext(), {call.getLoc(), add.getLoc()}));
      add.getResult().replaceAllUsesWith(call->getResult(0));
      add.erase();
      ++accumulated;
      return;
    }
  }
};
} // namespace
} // namespace dpc::kernels
