// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See the pass's description. A kernel reduces rows or columns, never both.
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSSPLITREDUCTIONS
#include "dpc/Kernels/Passes.h.inc"

namespace {
template <typename OpTy> void split(OpTy op) {
  auto type = cast<RankedTensorType>(op.getOperand().getType());
  ArrayRef<int64_t> axes = op.getAxes();
  // The trailing run of reduced dimensions, unit dimensions included.
  SmallVector<int64_t> trailing, rest;
  bool inRun = true, works = false, restWorks = false;
  for (int64_t i = type.getRank(); i-- > 0;) {
    bool reduced = llvm::is_contained(axes, i);
    inRun &= reduced || type.getDimSize(i) == 1;
    if (!reduced)
      continue;
    (inRun ? trailing : rest).push_back(i);
    (inRun ? works : restWorks) |= type.getDimSize(i) != 1;
  }
  if (!works || !restWorks)
    return;
  std::reverse(trailing.begin(), trailing.end());
  std::reverse(rest.begin(), rest.end());
  OpBuilder builder(op);
  Value first =
      OpTy::create(builder, op.getLoc(), op.getOperand(), builder.getDenseI64ArrayAttr(trailing));
  SmallVector<int64_t> renumbered;
  for (int64_t axis : rest)
    renumbered.push_back(axis - llvm::count_if(trailing, [&](int64_t t) { return t < axis; }));
  Value second =
      OpTy::create(builder, op.getLoc(), first, builder.getDenseI64ArrayAttr(renumbered));
  op.getResult().replaceAllUsesWith(second);
  op.erase();
}

struct KernelsSplitReductionsPass : impl::KernelsSplitReductionsBase<KernelsSplitReductionsPass> {
  void runOnOperation() override {
    for (auto body : getOperation().getOps<dualpipe::BodyOp>()) {
      body.walk([](nn::ReduceSumOp op) { split(op); });
      body.walk([](nn::ReduceMaxOp op) { split(op); });
    }
  }
};
} // namespace
} // namespace dpc::kernels
