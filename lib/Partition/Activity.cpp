// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dependences, activity and work of nn operations, asked through interfaces.
#include "Activity.h"

#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Dialect/NN/Element.h"

using namespace mlir;

namespace dpc::partition {

bool isView(Operation *op) {
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  return cost && cost.isView();
}

static bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value.getType())); }

Dependence joinOperands(Operation *op, llvm::function_ref<Dependence(Value)> lookup) {
  Dependence joined;
  for (Value operand : op->getOperands()) {
    Dependence own = lookup(operand);
    joined.input |= own.input;
    joined.trained |= own.trained;
    joined.frozenWork |= own.frozenWork;
    joined.frozen |= own.frozen;
  }
  joined.frozenWork |= joined.input && joined.frozen && nn::isLibraryCall(op);
  return joined;
}

bool passesGradient(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (op->hasTrait<nn::InactiveOp>() || !isFloat(operand.get()))
    return false;
  auto differentiable = dyn_cast<nn::DifferentiableOpInterface>(op);
  // Without a derivative the answer is yes: differentiation must then say so.
  return !differentiable || differentiable.isDifferentiableOperand(operand.getOperandNumber());
}

bool isActiveResult(OpResult result, llvm::function_ref<bool(Value)> isActive) {
  return isFloat(result) && llvm::any_of(result.getOwner()->getOpOperands(), [&](OpOperand &use) {
           return passesGradient(use) && isActive(use.get());
         });
}

bool isTransferable(Value value, const Dependence &dependence) {
  Operation *op = value.getDefiningOp();
  return op && isFloat(value) && dependence.input &&
         (dependence.trained || dependence.frozenWork) && !isView(op);
}

// The derivative of a collective is one that brings as many bytes back.
static double getCollectiveSeconds(Operation *op, const Machine &machine) {
  return machine.getTrafficSeconds(nn::getTraffic(op));
}

static double getSeconds(Operation *op, const Work &work, const Machine &machine) {
  if (!cast<nn::CostOpInterface>(op).isLibraryCall())
    return machine.getKernelSeconds(work.flops, work.bytes);
  return machine.getCallSeconds(work.flops, work.bytes, nn::getOperandBits(*op));
}

Work getForwardWork(Operation *op, const Machine &machine) {
  Work work;
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  if (!cost || cost.isView() || op->hasTrait<OpTrait::ConstantLike>() || isa<nn::GetOp>(op))
    return work;
  if (nn::isCollective(op)) {
    work.seconds = getCollectiveSeconds(op, machine);
    return work;
  }
  bool library = cost.isLibraryCall();
  work.flops = cost.getFlops();
  work.bytes = cost.getBytes();
  work.seconds = getSeconds(op, work, machine);
  // Other operations are fused; only a library call is launched by itself.
  if (library)
    work.seconds += machine.launchOverhead;
  return work;
}

Work getBackwardWork(Operation *op, const Machine &machine,
                     llvm::function_ref<bool(Value)> needsGradient) {
  Work work;
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  if (!cost || cost.isView())
    return work;
  unsigned possible = 0, needed = 0;
  for (OpOperand &operand : op->getOpOperands()) {
    if (!passesGradient(operand))
      continue;
    ++possible;
    needed += needsGradient(operand.get());
  }
  if (needed == 0 || llvm::none_of(op->getResults(), needsGradient))
    return work;
  if (nn::isCollective(op)) {
    work.seconds = getCollectiveSeconds(op, machine);
    return work;
  }
  // The interface tells the work towards all operands; a part of them has a part
  // of it.
  bool library = cost.isLibraryCall();
  work.flops = cost.getBackwardFlops() / possible * needed;
  work.bytes = cost.getBackwardBytes() / possible * needed;
  work.seconds = getSeconds(op, work, machine);
  if (library)
    work.seconds += needed * machine.launchOverhead;
  return work;
}

} // namespace dpc::partition
