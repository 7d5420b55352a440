// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The pass that makes kernels of each half. The grouping is in Grouping.cpp.
#include "Grouping.h"
#include "dpc/Kernels/Passes.h"

#include "mlir/Analysis/TopologicalSortUtils.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSOUTLINE
#include "dpc/Kernels/Passes.h.inc"

namespace {

// Repeated operations, and views between members, that a group's operations read.
SmallVector<Operation *> collectRepeated(const Group &group,
                                         const DenseMap<Operation *, Place> &places) {
  Group found;
  SmallVector<Operation *> work(group.begin(), group.end());
  // Whether a chain of views starts at a member.
  auto viewsMember = [&](Operation *op) {
    while (op && isa<nn::CostOpInterface>(op) && cast<nn::CostOpInterface>(op).isView()) {
      op = op->getOperand(0).getDefiningOp();
      if (op && (group.contains(op) || places.lookup(op) == Place::Anywhere))
        return true;
    }
    return false;
  };
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!def || group.contains(def))
        continue;
      if ((places.lookup(def) == Place::Anywhere || viewsMember(def)) && found.insert(def))
        work.push_back(def);
    }
  }
  return found.takeVector();
}

struct KernelsOutlinePass : impl::KernelsOutlineBase<KernelsOutlinePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    size_t before = llvm::range_size(module.getOps<func::FuncOp>());
    for (auto body : module.getOps<dualpipe::BodyOp>())
      for (auto function : body.getFunctions().getOps<func::FuncOp>())
        if (failed(outline(module, function)))
          return signalPassFailure();
    kernels += llvm::range_size(module.getOps<func::FuncOp>()) - before;
  }

  LogicalResult outline(ModuleOp module, func::FuncOp function) {
    Block &block = function.getBody().front();
    for (Operation &op : block.without_terminator())
      if (op.getNumRegions() || !isa<nn::NNDialect>(op.getDialect())) {
        if (!isa<dualpipe::LaunchOp>(op))
          return op.emitOpError() << "is in a body, where only nn operations can become kernels";
      }
    Operation *terminator = block.getTerminator();
    // An accumulator that is added to once, by the operation that makes the gradient,
    // is overwritten.
    auto inplace = [&](Value operand, Value result) {
      auto argument = dyn_cast<BlockArgument>(operand);
      auto add = result.getDefiningOp<nn::AddOp>();
      if (!argument || !add || !argument.hasOneUse() ||
          *argument.getUsers().begin() != add.getOperation())
        return false;
      dualpipe::RoleAttr role = dualpipe::getArgRole(function, argument.getArgNumber());
      return role && role.getKind() == dualpipe::RoleKind::Accumulator &&
             llvm::is_contained(terminator->getOperands(), result);
    };
    DenseMap<Operation *, Place> places = placeOperations(block);
    FailureOr<std::vector<Group>> groups = groupOperations(block, places);
    if (failed(groups))
      return failure();
    for (const Group &group : *groups) {
      SmallVector<Operation *> repeated = collectRepeated(group, places);
      outlineKernel(module, group.getArrayRef(), repeated, inplace);
      ++launches;
    }
    // What was repeated everywhere is no longer read here.
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
    if (!sortTopologically(&block))
      return function.emitOpError() << "has kernels that depend on each other in a circle";
    return success();
  }
};
} // namespace
} // namespace dpc::kernels
