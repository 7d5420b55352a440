// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See GraphOutputs.h.
#include "dpc/Dialect/NN/GraphOutputs.h"

#include "dpc/Dialect/NN/ModelAttrs.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace dpc;

unsigned nn::countTrainingResults(Block &forward) {
  auto function = cast<FunctionOpInterface>(forward.getParentOp());
  auto module = function->getParentOfType<ModuleOp>();
  unsigned own = module && module->hasAttr(kDivisionsAttr) ? 3 : 2;
  while (own < function.getNumResults() && !function.getResultAttr(own, kNameAttr))
    ++own;
  return std::min(own, function.getNumResults());
}

llvm::DenseSet<Operation *> nn::findNeeded(Block &forward, unsigned first, unsigned end) {
  llvm::DenseSet<Operation *> needed;
  auto need = [&](Value value) {
    if (Operation *producer = value.getDefiningOp())
      needed.insert(producer);
  };
  Operation *terminator = forward.getTerminator();
  llvm::for_each(terminator->getOperands().slice(first, end - first), need);
  for (Operation &op : llvm::reverse(forward.without_terminator()))
    if (needed.contains(&op))
      llvm::for_each(op.getOperands(), need);
  return needed;
}

llvm::DenseSet<Operation *> nn::findEvaluationOnly(Block &forward) {
  unsigned training = countTrainingResults(forward);
  unsigned all = forward.getTerminator()->getNumOperands();
  if (all <= training)
    return {};
  llvm::DenseSet<Operation *> trained = findNeeded(forward, 0, training);
  llvm::DenseSet<Operation *> only = findNeeded(forward, training, all);
  for (Operation *op : trained)
    only.erase(op);
  return only;
}
