// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a body to the graph of Residuals.h and back, once for each half: first for
// the input half, then for the weight half, which also sees what the input half
// holds and makes.
#include "Equivalence.h"
#include "dpc/Autodiff/Autodiff.h"
#include "dpc/Autodiff/Residuals.h"

#include "llvm/ADT/DenseSet.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;
using dualpipe::RoleKind;

namespace {
// How long a kept byte lives. In all schedules a forward's residuals wait for the
// backward much longer than the weight half waits for the input half.
constexpr int64_t kForwardToInput = 2, kInputToWeight = 1;
constexpr int64_t kForwardToWeight = kForwardToInput + kInputToWeight;

class Chooser {
public:
  Chooser(Joint &joint, const ResidualOptions &options) : joint(joint), options(options) {
    for (auto [argument, role] : llvm::zip_equal(joint.getBlock().getArguments(), joint.roles))
      if (role.getKind() == RoleKind::Param)
        weightLike.insert(argument);
    int64_t forwardFlops = 0;
    for (Operation *op : joint.getOperations(Part::Forward)) {
      forwardFlops += getFlops(op);
      if (llvm::all_of(op->getOperands(),
                       [&](Value operand) { return weightLike.contains(operand); }))
        weightLike.insert_range(op->getResults());
    }
    for (Joint::Result &result : joint.forwardResults)
      if (result.role.getKind() == RoleKind::Output || result.role.getKind() == RoleKind::Den)
        boundary.insert(result.value);
    switch (options.recompute) {
    case Recompute::None:
      budget = 0;
      break;
    case Recompute::Budget:
      budget = std::llround(options.budget * static_cast<double>(forwardFlops));
      break;
    case Recompute::Full:
      budget = kNoLimit;
      break;
    }
  }

  SplitPlan choose() {
    SplitPlan plan;
    plan.recomputedInInput = choose(Part::Input);
    heldByInput.insert_range(joint.getReads(Part::Input, plan.recomputedInInput));
    for (Operation *op : plan.recomputedInInput)
      madeByInput.insert_range(op->getResults());
    plan.recomputedInWeight = choose(Part::Weight);
    return plan;
  }

private:
  Joint &joint;
  const ResidualOptions &options;
  int64_t budget = 0;
  llvm::DenseSet<Value> weightLike, boundary;
  // What the input half reads, and what it computes again of the forward.
  llvm::DenseSet<Value> heldByInput, madeByInput;

  int64_t getCost(Value value, Part half) {
    int64_t bytes = nn::getByteSize(value.getType());
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      RoleKind kind = joint.roles[argument.getArgNumber()].getKind();
      if (kind == RoleKind::Param || kind == RoleKind::LossScale || kind == RoleKind::Accumulator)
        return 0;
      if (kind == RoleKind::OutputGrad)
        return bytes * kInputToWeight;
    }
    if (half == Part::Input)
      return bytes * kForwardToInput;
    bool inInput = heldByInput.contains(value) || madeByInput.contains(value) ||
                   joint.getPart(value) == Part::Input;
    return bytes * (inInput ? kInputToWeight : kForwardToWeight);
  }

  // Values that are never kept, because computing them again is (nearly) free.
  bool isFree(Operation *op) {
    return cast<nn::CostOpInterface>(op).isView() || op->getNumOperands() == 0 ||
           llvm::all_of(op->getResults(),
                        [&](Value result) { return weightLike.contains(result); });
  }

  // A cast is narrower or wider than what it reads; the budget does not ask which.
  static bool isCast(Operation *op) {
    return op->getNumOperands() == 1 && op->hasTrait<nn::ElementwiseOp>() &&
           getElementTypeOrSelf(op->getOperand(0).getType()) !=
               getElementTypeOrSelf(op->getResult(0).getType());
  }

  bool isRecomputable(Operation *op, Part half) {
    if (isCheap(op))
      return true;
    if (options.recompute != Recompute::Full || op->hasTrait<nn::CollectiveOp>() ||
        joint.parts.lookup(op) == Part::Input)
      return false;
    // What the input half has computed again it hands over.
    return half == Part::Input || !madeByInput.contains(op->getResult(0));
  }

  SmallVector<Operation *> choose(Part half) {
    ResidualGraph graph;
    llvm::DenseMap<Value, unsigned> numbers;
    auto addValue = [&](Value value, bool keepable) {
      numbers[value] = graph.values.size();
      graph.values.push_back({getCost(value, half), keepable || boundary.contains(value), false});
    };
    for (Value argument : joint.getBlock().getArguments())
      addValue(argument, /*keepable=*/true);
    SmallVector<Operation *> operations = joint.getOperations(Part::Forward);
    if (half == Part::Weight)
      llvm::append_range(operations, joint.getOperations(Part::Input));
    for (Operation *op : operations) {
      ResidualGraph::Operation node;
      node.recomputable = isRecomputable(op, half);
      bool free = node.recomputable && isCheap(op) && isFree(op);
      node.flops = free || isCast(op) ? 0 : getFlops(op);
      for (Value operand : op->getOperands())
        node.operands.push_back(numbers.lookup(operand));
      for (Value result : op->getResults()) {
        addValue(result, !free);
        node.results.push_back(numbers.lookup(result));
      }
      graph.operations.push_back(std::move(node));
    }
    for (Value value : joint.getReads(half))
      graph.values[numbers.lookup(value)].needed = true;

    ResidualChoice choice = autodiff::chooseResiduals(graph, budget);
    SmallVector<Operation *> recomputed;
    for (auto [i, op] : llvm::enumerate(operations))
      if (choice.recomputed[i])
        recomputed.push_back(op);
    return recomputed;
  }
};
} // namespace

void dpc::autodiff::chooseResiduals(dualpipe::BodyOp body, const ResidualOptions &options) {
  if (!body.getInputHalf() && !body.getWeightHalf())
    return;
  Joint joint = join(body);
  SplitPlan plan = Chooser(joint, options).choose();
  split(joint, plan, body);
}
