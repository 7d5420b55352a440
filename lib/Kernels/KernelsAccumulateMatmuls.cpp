// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See the pass's description.
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSACCUMULATEMATMULS
#include "dpc/Kernels/Passes.h.inc"

namespace {
struct KernelsAccumulateMatmulsPass
    : impl::KernelsAccumulateMatmulsBase<KernelsAccumulateMatmulsPass> {
  void runOnOperation() override {
    for (auto body : getOperation().getOps<dualpipe::BodyOp>())
      if (func::FuncOp half = body.getWeightHalf())
        half.walk([&](nn::AddOp add) { accumulate(half, add); });
  }

  void accumulate(func::FuncOp half, nn::AddOp add) {
    for (auto [sum, other] :
         {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
      auto argument = dyn_cast<BlockArgument>(sum);
      auto matmul = other.template getDefiningOp<nn::MatmulOp>();
      if (!argument || !matmul || matmul.getAccumulator() || !argument.hasOneUse() ||
          !other.hasOneUse())
        continue;
      dualpipe::RoleAttr role = dualpipe::getArgRole(half, argument.getArgNumber());
      if (!role || role.getKind() != dualpipe::RoleKind::Accumulator)
        continue;
      matmul.getAccumulatorMutable().assign(argument);
      matmul->setLoc(FusedLoc::get(&getContext(), {matmul.getLoc(), add.getLoc()}));
      add.getResult().replaceAllUsesWith(matmul.getResult());
      add.erase();
      ++accumulated;
      return;
    }
  }
};
} // namespace
} // namespace dpc::kernels
