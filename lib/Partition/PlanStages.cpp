// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each stage executes and reads, and which of it has a gradient.
#include "Outline.h"

using namespace mlir;

namespace dpc::partition {

namespace {
/// Collects one stage's operations: its nodes in the function's order, each
/// preceded by the recomputations that it is the first to need.
class Planner {
public:
  Planner(const ModelGraph &model, StagePlan &plan) : model(model), plan(plan) {}

  void run() {
    for (Operation *node : plan.nodes)
      emit(node);
    if (plan.hasLoss) {
      for (auto [kind, value] : model.getResults())
        need(value);
    }
    for (const GraphOutput &output : plan.graphOutputs)
      need(output.value);
  }

private:
  const ModelGraph &model;
  StagePlan &plan;
  llvm::DenseSet<Operation *> emitted;

  /// Notes what can be noted about a value; otherwise returns the operation that
  /// must be executed first.
  Operation *note(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op) {
      plan.feeds.insert(value);
      return nullptr;
    }
    if (auto get = dyn_cast<nn::GetOp>(op)) {
      Attribute symbol = get.getParameterAttr();
      plan.params.insert(symbol);
      plan.paramTypes[symbol] = value.getType();
      return nullptr;
    }
    if (emitted.contains(op) && (plan.nodes.contains(op) || !model.isTransferable(value)))
      return nullptr;
    if (!plan.nodes.contains(op) && model.isTransferable(value)) {
      plan.inputs.insert(value);
      return nullptr;
    }
    return op;
  }

  void need(Value value) {
    if (Operation *op = note(value))
      emit(op);
  }

  /// Depth first, without recursion: chains of recomputations can be long.
  void emit(Operation *root) {
    SmallVector<std::pair<Operation *, unsigned>> stack{{root, 0}};
    while (!stack.empty()) {
      auto &[op, operand] = stack.back();
      if (emitted.contains(op)) {
        stack.pop_back();
        continue;
      }
      if (operand == op->getNumOperands()) {
        emitted.insert(op);
        plan.ops.push_back(op);
        stack.pop_back();
        continue;
      }
      if (Operation *first = note(op->getOperand(operand++)))
        stack.emplace_back(first, 0);
    }
  }
};
} // namespace

/// Which of a stage's inputs, parameters and outputs have gradients, from those of
/// its outputs that later stages send gradients for.
static void findStageGradients(const ModelGraph &model, StagePlan &plan,
                               const llvm::DenseSet<Value> &arriving) {
  llvm::DenseSet<Value> needed;
  for (Value output : plan.outputs)
    if (arriving.contains(output)) {
      needed.insert(output);
      plan.gradients.insert(output);
    }
  if (plan.hasLoss)
    needed.insert(model.loss);
  for (Operation *op : llvm::reverse(plan.ops)) {
    bool isOwn = plan.nodes.contains(op);
    // A repeated node's results that cross the cut are inputs here.
    if (llvm::none_of(op->getResults(), [&](Value v) {
          return needed.contains(v) && (isOwn || !plan.inputs.contains(v));
        }))
      continue;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (!passesGradient(operand) || !model.isActive(value))
        continue;
      needed.insert(value);
      if (plan.inputs.contains(value))
        plan.gradients.insert(value);
      if (auto get = value.getDefiningOp<nn::GetOp>())
        plan.paramGradients.insert(get.getParameterAttr());
    }
  }
}

/// The stages of what only further outputs need: that of the last operand, and for a
/// parameter the first that reads it.
static void placeEvaluation(const ModelGraph &model, const std::vector<unsigned> &stageOf,
                            std::vector<StagePlan> &plans) {
  std::vector<unsigned> readerOf(model.params.size(), plans.size() - 1);
  for (auto [i, node] : llvm::enumerate(model.graph.nodes))
    for (unsigned param : node.params)
      readerOf[param] = std::min(readerOf[param], stageOf[i]);
  llvm::DenseMap<Value, unsigned> stages; // 0 where there is none
  for (Operation &op : func::FuncOp(model.function).front().without_terminator()) {
    unsigned stage = 0;
    for (Value operand : op.getOperands())
      stage = std::max(stage, stages.lookup(operand));
    if (auto node = model.nodeOf.find(&op); node != model.nodeOf.end())
      stage = stageOf[node->second];
    else if (auto get = dyn_cast<nn::GetOp>(op))
      if (auto param = model.params.find(get.getParameterAttr()); param != model.params.end())
        stage = readerOf[param->second];
    for (Value result : op.getResults())
      stages[result] = stage;
  }
  for (Operation *op : model.evaluationOps)
    if (llvm::any_of(op->getResults(), [&](Value v) { return model.isTransferable(v); }))
      plans[stages.lookup(op->getResult(0))].nodes.insert(op);
  for (const GraphOutput &output : model.outputs)
    plans[stages.lookup(output.value)].graphOutputs.push_back(output);
}

std::vector<StagePlan> planStages(const ModelGraph &model, const std::vector<unsigned> &stageOf,
                                  unsigned stages) {
  std::vector<StagePlan> plans(stages);
  for (unsigned i = 0; i < model.ops.size(); ++i)
    plans[stageOf[i]].nodes.insert(model.ops[i]);
  plans.back().hasLoss = true;
  placeEvaluation(model, stageOf, plans);
  llvm::DenseSet<Value> sent;
  for (StagePlan &plan : plans) {
    Planner(model, plan).run();
    sent.insert(plan.inputs.begin(), plan.inputs.end());
  }
  llvm::DenseSet<Value> arriving;
  for (StagePlan &plan : llvm::reverse(plans)) {
    for (Operation *node : plan.nodes)
      for (Value result : node->getResults())
        if (sent.contains(result))
          plan.outputs.push_back(result);
    findStageGradients(model, plan, arriving);
    for (Value input : plan.inputs)
      if (plan.gradients.contains(input))
        arriving.insert(input);
  }
  return plans;
}

} // namespace dpc::partition
