// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Equivalence.h"

#include "mlir/IR/OperationSupport.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;

llvm::DenseMap<Operation *, Operation *> dpc::autodiff::findLeaders(Block &block) {
  llvm::DenseMap<Operation *, Operation *> leaders;
  llvm::DenseMap<Value, Value> same; // value -> the leader's
  llvm::DenseMap<unsigned, SmallVector<Operation *>> buckets;
  auto leaderOf = [&](Value value) {
    Value leader = same.lookup(value);
    return leader ? leader : value;
  };
  for (Operation &op : block.without_terminator()) {
    auto hash = static_cast<unsigned>(OperationEquivalence::computeHash(
        &op,
        [&](Value operand) { return llvm::hash_value(leaderOf(operand).getAsOpaquePointer()); },
        [](Value) { return llvm::hash_code(0); }, OperationEquivalence::IgnoreLocations));
    // DenseMap reserves two values of its keys.
    SmallVector<Operation *> &bucket = buckets[hash >> 1];
    Operation *leader = &op;
    for (Operation *candidate : bucket)
      if (OperationEquivalence::isEquivalentTo(
              candidate, &op, [&](Value a, Value b) { return success(leaderOf(a) == leaderOf(b)); },
              [](Value, Value) {}, OperationEquivalence::IgnoreLocations)) {
        leader = candidate;
        break;
      }
    leaders[&op] = leader;
    if (leader == &op)
      bucket.push_back(&op);
    for (auto [own, first] : llvm::zip_equal(op.getResults(), leader->getResults()))
      same[own] = first;
  }
  return leaders;
}

int64_t dpc::autodiff::getFlops(Operation *op) {
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  return cost ? cost.getFlops() : 0;
}

bool dpc::autodiff::isCheap(Operation *op) {
  auto cost = dyn_cast<nn::CostOpInterface>(op);
  if (!cost || !isMemoryEffectFree(op) || cost.isLibraryCall() || op->hasTrait<nn::CollectiveOp>())
    return false;
  return op->hasTrait<nn::ElementwiseOp>() || cost.getFlops() == 0;
}
