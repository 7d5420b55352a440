// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From IR to the plain graph: facts about values in one forward walk, gradients
// in one backward walk, then nodes with what they read through recomputations.
#include "ModelGraph.h"

#include "dpc/Dialect/NN/GraphOutputs.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/ModelAttrs.h"

#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace dpc::partition {

namespace {

/// What reading a value brings into a stage.
struct Closure {
  std::vector<unsigned> reads, recomputations, params; // ascending, distinct
  llvm::hash_code signature{0};

  static void merge(std::vector<unsigned> &into, const std::vector<unsigned> &from) {
    if (from.empty())
      return;
    std::vector<unsigned> joined;
    joined.reserve(into.size() + from.size());
    std::set_union(into.begin(), into.end(), from.begin(), from.end(), std::back_inserter(joined));
    into = std::move(joined);
  }
  void add(const Closure &other) {
    merge(reads, other.reads);
    merge(recomputations, other.recomputations);
    merge(params, other.params);
    signature = llvm::hash_combine(signature, other.signature);
  }
};

class GraphBuilder {
public:
  GraphBuilder(ModuleOp module, const Machine &machine) : module(module), machine(machine) {}

  FailureOr<ModelGraph> build();

private:
  ModuleOp module;
  const Machine &machine;
  ModelGraph model;
  std::vector<Operation *> live, all; // in order; all: also what evaluation needs
  llvm::DenseSet<Value> gradients;
  llvm::DenseMap<Value, Closure> closures;
  llvm::DenseMap<Value, unsigned> values;

  LogicalResult findFunction();
  void findLive();
  void findDependences();
  void findGradients();
  void addOperation(Operation *op);
  Closure joinClosures(Operation *op);
  Work getWork(Operation *op);
  bool isNode(Operation *op);
};

} // namespace

LogicalResult GraphBuilder::findFunction() {
  model.function = module.lookupSymbol<func::FuncOp>("forward");
  if (!model.function || model.function.isExternal())
    return module.emitError("has no function @forward to partition; the import "
                            "phase makes one");
  func::FuncOp function = model.function;
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("has branches; a model is one block");
  Operation *terminator = function.front().getTerminator();
  unsigned own = module->hasAttr(nn::kDivisionsAttr) ? 3 : 2;
  if (nn::countTrainingResults(function.front()) != own)
    return function.emitOpError("must return the loss and its denominator, got ")
           << terminator->getNumOperands() << " results";
  model.loss = terminator->getOperand(0);
  model.den = terminator->getOperand(1);
  if (own == 3)
    model.fault = terminator->getOperand(2);
  for (unsigned i = own; i < terminator->getNumOperands(); ++i) {
    auto name = function.getResultAttrOfType<StringAttr>(i, nn::kNameAttr);
    if (!name)
      return function.emitOpError()
             << "result " << i << " has `" << nn::kNameAttr << "` that is no string";
    model.outputs.push_back({name, terminator->getOperand(i)});
  }
  return success();
}

void GraphBuilder::findLive() {
  Block &block = model.function.front();
  llvm::DenseSet<Operation *> trained = nn::findNeeded(block, 0, nn::countTrainingResults(block));
  llvm::DenseSet<Operation *> evaluationOnly = nn::findEvaluationOnly(block);
  for (Operation &op : block.without_terminator()) {
    if (trained.contains(&op))
      live.push_back(&op);
    else if (evaluationOnly.contains(&op))
      model.evaluationOps.push_back(&op);
    else
      continue;
    all.push_back(&op);
  }
}

void GraphBuilder::findDependences() {
  auto &facts = model.dependences;
  for (BlockArgument argument : model.function.getArguments())
    facts[argument].input = true;
  for (Operation *op : all) {
    Dependence joined;
    if (auto get = dyn_cast<nn::GetOp>(op)) {
      auto parameter = module.lookupSymbol<nn::ParameterOp>(get.getParameter());
      joined.trained = parameter && parameter.getTrained();
      joined.frozen = !joined.trained;
      joined.active =
          joined.trained && isa<FloatType>(getElementTypeOrSelf(get.getResult().getType()));
      facts[get.getResult()] = joined;
      continue;
    }
    joined = joinOperands(op, [&](Value v) { return facts.lookup(v); });
    for (OpResult result : op->getResults()) {
      joined.active = isActiveResult(result, [&](Value v) { return facts.lookup(v).active; });
      facts[result] = joined;
    }
  }
}

void GraphBuilder::findGradients() {
  if (model.isActive(model.loss))
    gradients.insert(model.loss);
  for (Operation *op : llvm::reverse(live)) {
    if (llvm::none_of(op->getResults(), [&](Value v) { return gradients.contains(v); }))
      continue;
    for (OpOperand &operand : op->getOpOperands())
      if (passesGradient(operand) && model.isActive(operand.get()))
        gradients.insert(operand.get());
  }
}

bool GraphBuilder::isNode(Operation *op) {
  return op == model.loss.getDefiningOp() ||
         llvm::any_of(op->getResults(), [&](Value v) { return model.isTransferable(v); });
}

Work GraphBuilder::getWork(Operation *op) {
  Work work = getForwardWork(op, machine);
  work += getBackwardWork(op, machine, [&](Value v) { return gradients.contains(v); });
  return work;
}

/// What an operation computes, but for where its operands come from.
static llvm::hash_code getSignature(Operation *op) {
  llvm::hash_code hash =
      llvm::hash_combine(op->getName(), op->getNumOperands(),
                         op->getName().hashOpProperties(op->getPropertiesStorage()));
  for (Type type : op->getResultTypes())
    hash = llvm::hash_combine(hash, type);
  return hash;
}

Closure GraphBuilder::joinClosures(Operation *op) {
  Closure closure;
  closure.signature = getSignature(op);
  for (Value operand : op->getOperands())
    closure.add(closures[operand]);
  return closure;
}

void GraphBuilder::addOperation(Operation *op) {
  Graph &graph = model.graph;
  if (auto get = dyn_cast<nn::GetOp>(op)) {
    auto [it, isNew] = model.params.try_emplace(get.getParameterAttr(), graph.paramBytes.size());
    if (isNew)
      graph.paramBytes.push_back(nn::getByteSize(get.getResult().getType()));
    Closure &closure = closures[get.getResult()];
    closure.params = {it->second};
    closure.signature =
        llvm::hash_combine(get.getResult().getType(), model.isActive(get.getResult()));
    return;
  }
  Closure closure = joinClosures(op);
  double seconds = getWork(op).seconds;
  if (!isNode(op)) {
    Dependence own;
    for (Value result : op->getResults())
      own.trained |= model.dependences.lookup(result).trained;
    graph.repeated.push_back(
        {nn::getNodeName(op->getLoc()), nn::getModulePath(op->getLoc()), own.trained});
    closure.recomputations.push_back(graph.recomputations.size());
    graph.recomputations.push_back({seconds, -1});
    for (Value result : op->getResults())
      closures[result] = closure;
    return;
  }

  unsigned index = graph.nodes.size();
  Node node;
  node.name = nn::getNodeName(op->getLoc());
  node.path = nn::getModulePath(op->getLoc());
  node.seconds = seconds;
  node.reads = closure.reads;
  node.recomputations = closure.recomputations;
  node.params = closure.params;
  llvm::hash_code signature = closure.signature;
  for (unsigned value : node.reads)
    signature = llvm::hash_combine(signature, index - graph.values[value].producer);
  node.signature = static_cast<uint64_t>(static_cast<size_t>(signature));
  if (auto hint = op->getAttrOfType<IntegerAttr>(nn::kPipelineStageAttr))
    node.hint = hint.getInt();

  // Results that may not cross are made again by repeating the node.
  if (llvm::any_of(op->getResults(), [&](Value v) { return !model.isTransferable(v); })) {
    closure.recomputations.push_back(graph.recomputations.size());
    graph.recomputations.push_back({seconds, static_cast<int>(index)});
  }
  for (OpResult result : op->getResults()) {
    if (!model.isTransferable(result)) {
      closures[result] = closure;
      continue;
    }
    Closure &own = closures[result];
    own.reads = {static_cast<unsigned>(graph.values.size())};
    own.signature = llvm::hash_combine(result.getResultNumber());
    graph.values.push_back({index, nn::getByteSize(result.getType()), gradients.contains(result)});
  }
  graph.nodes.push_back(std::move(node));
  model.ops.push_back(op);
  model.nodeOf[op] = index;
}

FailureOr<ModelGraph> GraphBuilder::build() {
  if (failed(findFunction()))
    return failure();
  findLive();
  findDependences();
  if (!model.isActive(model.loss) && !model.function->hasAttr(nn::kEvaluationOnlyAttr))
    return model.function.emitError("the model has a loss that depends on no trained parameter");
  findGradients();
  for (BlockArgument argument : model.function.getArguments())
    closures[argument].signature = llvm::hash_combine(argument.getArgNumber(), 1);
  for (Operation *op : live)
    addOperation(op);

  Graph &graph = model.graph;
  graph.messageLatency = machine.messageLatency;
  graph.secondsPerMessageByte = 1 / machine.messageBandwidth;
  graph.lastCut = graph.nodes.size() - 1;
  for (auto [kind, result] : model.getResults()) {
    auto it = model.nodeOf.find(result.getDefiningOp());
    if (it != model.nodeOf.end() && (result == model.loss || model.isTransferable(result)))
      graph.lastCut = std::min(graph.lastCut, it->second);
  }
  return std::move(model);
}

FailureOr<ModelGraph> buildGraph(ModuleOp module, const Machine &machine) {
  return GraphBuilder(module, machine).build();
}

} // namespace dpc::partition
