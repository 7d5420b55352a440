// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What stages cost, read from a partitioned module.
#include "Activity.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Partition/Partition.h"

using namespace mlir;
using dpc::dualpipe::RoleKind;

namespace dpc::partition {

namespace {
struct BodyCost {
  Work work;
  int64_t bytesIn = 0, bytesOut = 0;
};
} // namespace

static BodyCost getBodyCost(func::FuncOp function, const Machine &machine) {
  llvm::DenseSet<Value> active, needed;
  BodyCost cost;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Value argument = function.getArgument(i);
    RoleKind kind = dualpipe::getArgRole(function, i).getKind();
    if (kind == RoleKind::Input)
      cost.bytesIn += nn::getByteSize(argument.getType());
    if (kind != RoleKind::Feed && !function.getArgAttr(i, dualpipe::kFrozenAttr) &&
        isa<FloatType>(getElementTypeOrSelf(argument.getType())))
      active.insert(argument);
  }
  auto isActive = [&](Value v) { return active.contains(v); };
  for (Operation &op : function.front())
    for (OpResult result : op.getResults())
      if (isActiveResult(result, isActive))
        active.insert(result);

  Operation *terminator = function.front().getTerminator();
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    RoleKind kind = dualpipe::getResultRole(function, i).getKind();
    Value value = terminator->getOperand(i);
    if (kind == RoleKind::Output)
      cost.bytesOut += nn::getByteSize(value.getType());
    bool hasGradient =
        kind == RoleKind::Loss ||
        (kind == RoleKind::Output && !function.getResultAttr(i, dualpipe::kFrozenAttr));
    if (hasGradient && isActive(value))
      needed.insert(value);
  }
  auto isNeeded = [&](Value v) { return needed.contains(v); };
  for (Operation &op : llvm::reverse(function.front().without_terminator())) {
    if (llvm::any_of(op.getResults(), isNeeded))
      for (OpOperand &operand : op.getOpOperands())
        if (passesGradient(operand) && isActive(operand.get()))
          needed.insert(operand.get());
    cost.work += getForwardWork(&op, machine);
    cost.work += getBackwardWork(&op, machine, isNeeded);
  }
  return cost;
}

std::vector<StageSummary> summarizeStages(ModuleOp module, const Machine &machine) {
  std::vector<StageSummary> summaries;
  llvm::DenseMap<Operation *, BodyCost> costs;
  SymbolTable symbols(module);
  for (auto stage : module.getOps<dualpipe::StageOp>()) {
    auto body = symbols.lookup<dualpipe::BodyOp>(stage.getBody());
    if (!body || !body.getForward())
      continue;
    auto [it, isNew] = costs.try_emplace(body);
    if (isNew)
      it->second = getBodyCost(body.getForward(), machine);
    const BodyCost &cost = it->second;
    StageSummary summary;
    summary.name = stage.getSymName().str();
    summary.body = stage.getBody().str();
    summary.flops = cost.work.flops;
    summary.bytes = cost.work.bytes;
    summary.seconds = cost.work.seconds;
    summary.bytesIn = cost.bytesIn;
    summary.bytesOut = cost.bytesOut;
    for (Attribute param : stage.getParams())
      if (auto parameter =
              symbols.lookup<nn::ParameterOp>(cast<FlatSymbolRefAttr>(param).getValue()))
        summary.parameters += cast<RankedTensorType>(parameter.getType()).getNumElements();
    summaries.push_back(std::move(summary));
  }
  return summaries;
}

} // namespace dpc::partition
