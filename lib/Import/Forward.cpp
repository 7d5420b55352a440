// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Forward.h"

#include "Dimensions.h"
#include "OperatorTable.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

// Errors of single nodes after which it is better to stop.
constexpr int kErrorLimit = 20;

class ForwardBuilder : public Forward {
public:
  ForwardBuilder(const Graph &graph, const LossChoice &choice, const FurtherOutputs &further,
                 StoredTensors &tensors, TensorReader &reader, const ImportOptions &options,
                 Location loc, ImportSummary &summary)
      : graph(graph), choice(choice), further(further), tensors(tensors), reader(reader),
        options(options), context(loc.getContext()), loc(loc), summary(summary) {}

  LogicalResult createFunction(ModuleOp module);
  LogicalResult importNodes();
  LogicalResult importLoss();
  void importFurther();

private:
  enum class Imported { Yes, Missing, Failed };
  Imported importOne(const Node &node);
  void noteUnknown(StringRef value);
  LogicalResult checkElements(ArrayRef<const onnx::ValueInfoProto *> inputs,
                              ArrayRef<RankedTensorType> types);
  Value materialize(StoredTensor &tensor, Location at);
  std::optional<GraphValue> lookup(const std::string &name, Location at);
  void markStage(const Node &node, Operation *before);

  const Graph &graph;
  const LossChoice &choice;
  const FurtherOutputs &further;
  StoredTensors &tensors;
  TensorReader &reader;
  const ImportOptions &options;
  MLIRContext *context;
  Location loc;
  ImportSummary &summary;
  llvm::StringSet<> failedValues; // what is missing of them has been said
};

} // namespace

// Inputs without elements (a cache of no past tokens) bring nothing, and
// nn-drop-empty removes them; a model all of whose inputs are such has no sample.
LogicalResult ForwardBuilder::checkElements(ArrayRef<const onnx::ValueInfoProto *> inputs,
                                            ArrayRef<RankedTensorType> types) {
  std::string empty;
  bool all = !inputs.empty();
  for (auto [input, type] : llvm::zip_equal(inputs, types)) {
    all &= type.getNumElements() == 0;
    if (type.getNumElements() != 0)
      continue;
    std::string text = "'" + input->name() + "' (" + toString(type.getShape()) + ")";
    summary.notes.push_back("input " + text + " is left out: it has no elements");
    empty += (empty.empty() ? "" : ", ") + text;
  }
  if (all)
    return emitError(loc) << "no input has an element: " << empty
                          << "; a micro-batch needs at least one sample";
  return success();
}

LogicalResult ForwardBuilder::createFunction(ModuleOp module) {
  SmallVector<const onnx::ValueInfoProto *> inputs;
  for (const onnx::ValueInfoProto *input : graph.inputs) {
    bool used = graph.uses.contains(input->name()) || choice.output == input->name() ||
                (choice.op != LossOp::None && choice.labels == input->name()) ||
                further.read(input->name());
    if (used)
      inputs.push_back(input);
    else
      summary.notes.push_back("input '" + input->name() +
                              "' is left out: the loss does not depend on it");
  }
  auto types = bindInputs(inputs, graph, options, context, loc);
  if (failed(types) || failed(checkElements(inputs, *types)))
    return failure();
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SmallVector<Type> argumentTypes(types->begin(), types->end());
  function =
      func::FuncOp::create(builder, loc, "forward", builder.getFunctionType(argumentTypes, {}));
  Block *body = function.addEntryBlock();
  for (auto [i, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(i, "nn.name", builder.getStringAttr(input->name()));
    body->getArgument(i).setLoc(NameLoc::get(builder.getStringAttr(input->name())));
    values[input->name()].tensor = body->getArgument(i);
  }
  builder.setInsertionPointToEnd(body);
  emitter.emplace(builder, loc);
  return success();
}

// A stored tensor as a value, at the place of its reader: trained ones and large
// ones are read from outside, small constants are literals.
Value ForwardBuilder::materialize(StoredTensor &tensor, Location at) {
  StoredTensor &stored = tensor.original ? *tensor.original : tensor;
  int64_t bytes = nn::getByteSize(stored.type);
  emitter->setLoc(at);
  if (!stored.trained && bytes <= options.constantLimitBytes) {
    FailureOr<DenseElementsAttr> value = reader.read(*stored.proto, stored.name);
    if (failed(value))
      return {};
    emitter->setLoc(NameLoc::get(StringAttr::get(context, stored.name)));
    Value result = emitter->constant(*value);
    emitter->setLoc(at);
    return result;
  }
  Value value = nn::GetOp::create(emitter->getBuilder(), at, stored.type, stored.symbol);
  if (tensor.original && tensor.transposed)
    value = emitter->transpose(value, {1, 0});
  if (tensor.original && getShape(value) != tensor.type.getShape())
    value = emitter->reshape(value, tensor.type.getShape());
  return value;
}

// Nullopt if the value's producer failed, or the tensor cannot be read.
std::optional<GraphValue> ForwardBuilder::lookup(const std::string &name, Location at) {
  auto it = values.find(name);
  if (it != values.end())
    return it->second;
  auto stored = tensors.find(name);
  if (stored == tensors.end())
    return std::nullopt;
  Value value = materialize(stored->second, at);
  if (!value)
    return std::nullopt;
  GraphValue result{value, std::nullopt};
  // Constants are shared, parameters are read where they are used.
  if (getConstant(value)) {
    if (stored->second.floating)
      origins[name].insert(stored->first);
    values[name] = result;
  }
  return result;
}

// All that was made of a node after `before` asks for the node's stage. Constants
// are in every stage that reads them.
void ForwardBuilder::markStage(const Node &node, Operation *before) {
  if (!node.stage)
    return;
  Block &block = function.getBody().front();
  auto stage = emitter->getBuilder().getI64IntegerAttr(*node.stage);
  for (auto it = before ? std::next(before->getIterator()) : block.begin(); it != block.end(); ++it)
    if (!it->hasTrait<OpTrait::ConstantLike>())
      it->setAttr(nn::kPipelineStageAttr, stage);
}

// The inputs that a value is computed from.
void ForwardBuilder::noteUnknown(StringRef value) {
  SmallVector<StringRef> work = {value};
  llvm::StringSet<> seen;
  while (!work.empty()) {
    StringRef name = work.pop_back_val();
    if (!seen.insert(name).second)
      continue;
    auto producer = graph.producers.find(name);
    if (producer != graph.producers.end())
      work.append(graph.nodes[producer->second].inputs.begin(),
                  graph.nodes[producer->second].inputs.end());
    else if (llvm::any_of(graph.inputs, [&](auto *input) { return name == input->name(); }) &&
             !llvm::is_contained(summary.unknownInputs, name))
      summary.unknownInputs.push_back(name.str());
  }
}

ForwardBuilder::Imported ForwardBuilder::importOne(const Node &node) {
  Location at = getNodeLoc(node, context);
  SmallVector<GraphValue, 4> operands;
  bool missing = false;
  llvm::SetVector<StringRef> names;
  for (const std::string &input : node.inputs) {
    GraphValue operand;
    if (!input.empty()) {
      std::optional<GraphValue> value = lookup(input, at);
      missing |= !value;
      if (value)
        operand = *value;
      else if (!failedValues.contains(input) && !tensors.contains(input))
        emitError(at) << "node '" << node.name << "' reads '" << input
                      << "', a result that dpc does not compute of the node that gives it";
      if (auto it = origins.find(input); it != origins.end())
        names.insert(it->second.begin(), it->second.end());
    }
    operands.push_back(operand);
  }
  emitter->setLoc(at);
  Block &block = function.getBody().front();
  Operation *before = block.empty() ? nullptr : &block.back();
  NodeContext nodeContext(node, *emitter, reader, std::move(operands));
  std::string reason;
  if (missing || failed(importNode(*findOperator(node, reason), nodeContext))) {
    failedValues.insert_range(node.outputs);
    if (auto operand = nodeContext.getUnknown())
      noteUnknown(node.inputs[*operand]);
    return missing ? Imported::Missing : Imported::Failed;
  }
  markStage(node, before);
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    const GraphValue &result = nodeContext.getResults()[i];
    if (output.empty() || (!result.tensor && !result.sequence))
      continue;
    values[output] = result;
    // A folded value stands for the constants it came from; a computed one
    // has them as operands.
    if (node.op == "Constant" && result.tensor && isFloat(result.tensor))
      origins[output].insert(node.outputs[i]);
    else if (result.tensor && isFloat(result.tensor) && getConstant(result.tensor) &&
             !names.empty())
      origins[output] = names; // no gradient passes an integer
  }
  return Imported::Yes;
}

LogicalResult ForwardBuilder::importNodes() {
  int errors = 0;
  for (const Node &node : graph.nodes) {
    Imported imported = importOne(node);
    if (imported == Imported::Missing) {
      errors += errors == 0; // a tensor that could not be read
    } else if (imported == Imported::Yes) {
      summary.nodes++;
    } else if (++errors >= kErrorLimit) {
      emitError(loc) << "stopping after " << errors << " errors";
      return failure();
    }
  }
  return success(errors == 0);
}

// What is said of these nodes is the reason why an output is left out. Where all outputs
// are wanted there are no nodes but those.
void ForwardBuilder::importFurther() {
  std::string reason;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (reason.empty())
      reason = diagnostic.str();
  });
  llvm::StringMap<std::string> reasons; // by value
  for (const Node &node : further.nodes) {
    reason.clear();
    for (const std::string &input : node.inputs)
      if (auto known = reasons.find(input); known != reasons.end() && reason.empty())
        reason = known->second;
    if (importOne(node) == Imported::Yes)
      continue;
    for (const std::string &output : node.outputs)
      reasons[output] = reason;
  }
  for (const std::string &name : further.names) {
    reason = reasons.lookup(name);
    std::optional<GraphValue> found = reason.empty() ? lookup(name, loc) : std::nullopt;
    Value value = found ? found->tensor : Value();
    if (value && (options.evaluationOnly || countElements(getShape(value)) == 1)) {
      emitter->setLoc(value.getLoc());
      outputs.emplace_back(name, options.evaluationOnly ? value : emitter->reshape(value, {}));
      continue;
    }
    if (value)
      continue; // no number: nothing was promised
    summary.notes.push_back("output '" + name + "' is not evaluated" +
                            (reason.empty() ? "" : ": " + reason));
  }
}

LogicalResult ForwardBuilder::importLoss() {
  if (options.evaluationOnly) {
    emitter->setLoc(loc);
    loss = emitter->splat(RankedTensorType::get({}, emitter->getBuilder().getF32Type()), 0);
    return success();
  }
  std::optional<GraphValue> found = lookup(choice.output, loc);
  if (!found || !found->tensor)
    return emitError(loc) << "'" << choice.output
                          << "' was not computed: no node gives it as a tensor";
  loss = found->tensor;
  if (choice.op != LossOp::None) {
    emitter->setLoc(
        NameLoc::get(StringAttr::get(context, "--loss-op " + getLossOpName(choice.op).str())));
    Value logits = loss, labels;
    if (choice.addsLabels) {
      auto type = getLabelsType(getTensorType(logits), choice, options, loc);
      if (failed(type))
        return failure();
      unsigned index = function.getNumArguments();
      auto attributes = DictionaryAttr::get(context, {{StringAttr::get(context, "nn.name"),
                                                       StringAttr::get(context, choice.labels)}});
      if (failed(function.insertArgument(index, *type, attributes, loc)))
        return failure();
      labels = function.getArgument(index);
      summary.notes.push_back("input '" + choice.labels +
                              "' is added for the labels: " + toString(type->getShape()));
    } else {
      std::optional<GraphValue> value = lookup(choice.labels, loc);
      if (!value || !value->tensor)
        return emitError(loc) << "labels '" << choice.labels << "' are not a tensor of the graph";
      labels = value->tensor;
    }
    FailureOr<Value> built = buildLoss(*emitter, logits, labels, choice, options);
    if (failed(built))
      return failure();
    loss = *built;
  }
  if (!isFloat(loss))
    return emitError(loc) << "the loss '" << choice.output << "' has type " << loss.getType()
                          << "; it must be floating";
  if (countElements(getShape(loss)) != 1)
    return emitError(loc) << "the loss '" << choice.output << "' has shape "
                          << toString(getShape(loss))
                          << "; it must be a scalar. Reduce it in the model "
                             "(mean or sum) before it is exported";
  emitter->setLoc(loss.getLoc());
  loss = emitter->reshape(loss, {});
  return success();
}

FailureOr<Forward> dpc::import::buildForward(ModuleOp module, const Graph &graph,
                                             const LossChoice &choice,
                                             const FurtherOutputs &further, StoredTensors &tensors,
                                             TensorReader &reader, const ImportOptions &options,
                                             Location loc, ImportSummary &summary) {
  ForwardBuilder builder(graph, choice, further, tensors, reader, options, loc, summary);
  if (failed(builder.createFunction(module)) || failed(builder.importNodes()) ||
      failed(builder.importLoss()))
    return failure();
  builder.importFurther();
  return std::move(static_cast<Forward &>(builder));
}
