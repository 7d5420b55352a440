// The order of the import, from the file to the module.
#include "dpc/Import/Import.h"

#include "Dimensions.h"
#include "Dropped.h"
#include "Loss.h"
#include "OperatorTable.h"
#include "Parameters.h"
#include "Roles.h"
#include "StateDict.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <map>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

// Errors of single nodes after which it is better to stop.
constexpr int kErrorLimit = 20;

class Importer {
public:
  Importer(const ImportOptions &options, MLIRContext *context, Location loc,
           ImportSummary &summary)
      : options(options), context(context), loc(loc), summary(summary) {}

  FailureOr<OwningOpRef<ModuleOp>> run(StringRef path);

private:
  LogicalResult checkModel();
  LogicalResult checkOperators();
  LogicalResult checkElements(ArrayRef<const onnx::ValueInfoProto *> inputs,
                              ArrayRef<RankedTensorType> types);
  LogicalResult createFunction(ModuleOp module);
  LogicalResult importNodes();
  void markStage(const Node &node, Operation *before);
  LogicalResult importLoss();
  LogicalResult finish(ModuleOp module);

  std::optional<GraphValue> lookup(const std::string &name, Location at);
  Value materialize(StoredTensor &tensor, Location at);
  llvm::SetVector<StringRef> findConstants();
  void listConstants(const llvm::SetVector<StringRef> &names);
  LogicalResult refuseComputed(const llvm::SetVector<StringRef> &names);
  std::string explainNothingTrained();
  void listUnused(const Graph &whole);
  LogicalResult createParameters(ModuleOp module);

  const ImportOptions &options;
  MLIRContext *context;
  Location loc;
  ImportSummary &summary;

  std::unique_ptr<ModelFile> file;
  std::optional<TensorReader> reader;
  Graph graph;
  LossChoice choice;
  StoredTensors tensors;
  StateDict state;

  func::FuncOp function;
  std::optional<Emitter> emitter;
  llvm::StringMap<GraphValue> values;
  /// Names of the floating constants that a constant value was folded from.
  llvm::StringMap<llvm::SetVector<StringRef>> origins;
  Value loss;
};

} // namespace

LogicalResult Importer::checkModel() {
  const onnx::ModelProto &model = file->getProto();
  if (model.training_info_size())
    return emitError(loc)
           << "the model brings a training algorithm of its own "
              "(training_info); dpc derives the backward itself. Store the "
              "forward graph with its loss only";
  return success();
}

// ONNX's own operators of quantisation, and onnxruntime's.
static bool isQuantised(StringRef op) {
  op = op.substr(op.find_last_of(".:") + 1);
  return op == "QuantizeLinear" || op == "DequantizeLinear" ||
         op == "DynamicQuantizeLinear" || op == "MatMulInteger" ||
         op == "ConvInteger" || op.starts_with("QLinear") ||
         op.starts_with("MatMulNBits") || op == "MatMulIntegerToFloat";
}

LogicalResult Importer::checkOperators() {
  // Everything that is missing, once, with counts.
  struct Missing {
    std::string reason;
    SmallVector<StringRef> nodes;
  };
  std::map<std::string, Missing> missing;
  int64_t count = 0;
  for (const Node &node : graph.nodes) {
    std::string reason;
    if (findOperator(node, reason))
      continue;
    Missing &entry = missing[getOperatorName(node)];
    entry.reason = reason;
    entry.nodes.push_back(node.name);
    ++count;
  }
  if (missing.empty())
    return success();
  std::string text;
  for (const auto &[name, entry] : missing) {
    text += "\n  " + name + ": " + std::to_string(entry.nodes.size()) +
            (entry.nodes.size() == 1 ? " node (" : " nodes (");
    for (auto [i, node] : llvm::enumerate(ArrayRef(entry.nodes).take_front(3)))
      text += (i ? ", '" : "'") + node.str() + "'";
    text += entry.nodes.size() > 3 ? ", …)" : ")";
    if (!entry.reason.empty())
      text += ", " + entry.reason;
  }
  // Said in so many words, for the list alone reads as if an operator were missing.
  if (llvm::any_of(missing, [](const auto &entry) { return isQuantised(entry.first); }))
    text += "\nthe model is quantised: its weights are integers, which training "
            "cannot move by small steps; export the floating-point model, train "
            "that, and quantise the result";
  return emitError(loc) << count << " of the " << graph.nodes.size()
                        << " nodes that the loss depends on have operators "
                           "that dpc does not support:"
                        << text;
}

// Inputs without elements (a cache of no past tokens) bring nothing, and
// nn-drop-empty removes them; a model all of whose inputs are such has no sample.
LogicalResult
Importer::checkElements(ArrayRef<const onnx::ValueInfoProto *> inputs,
                        ArrayRef<RankedTensorType> types) {
  std::string empty;
  bool all = !inputs.empty();
  for (auto [input, type] : llvm::zip_equal(inputs, types)) {
    all &= type.getNumElements() == 0;
    if (type.getNumElements() != 0)
      continue;
    std::string text =
        "'" + input->name() + "' (" + toString(type.getShape()) + ")";
    summary.notes.push_back("input " + text +
                            " is left out: it has no elements");
    empty += (empty.empty() ? "" : ", ") + text;
  }
  if (all)
    return emitError(loc) << "no input has an element: " << empty
                          << "; a micro-batch needs at least one sample";
  return success();
}

LogicalResult Importer::createFunction(ModuleOp module) {
  SmallVector<const onnx::ValueInfoProto *> inputs;
  for (const onnx::ValueInfoProto *input : graph.inputs) {
    bool used = graph.uses.contains(input->name()) ||
                choice.output == input->name() ||
                (choice.op != LossOp::None && choice.labels == input->name());
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
  function = func::FuncOp::create(builder, loc, "forward",
                                  builder.getFunctionType(argumentTypes, {}));
  Block *body = function.addEntryBlock();
  for (auto [i, input] : llvm::enumerate(inputs)) {
    function.setArgAttr(i, "nn.name", builder.getStringAttr(input->name()));
    body->getArgument(i).setLoc(
        NameLoc::get(builder.getStringAttr(input->name())));
    values[input->name()].tensor = body->getArgument(i);
  }
  builder.setInsertionPointToEnd(body);
  emitter.emplace(builder, loc);
  return success();
}

// A stored tensor as a value, at the place of its reader: trained ones and large
// ones are read from outside, small constants are literals.
Value Importer::materialize(StoredTensor &tensor, Location at) {
  StoredTensor &stored = tensor.original ? *tensor.original : tensor;
  int64_t bytes = nn::getByteSize(stored.type);
  emitter->setLoc(at);
  if (!stored.trained && bytes <= options.constantLimitBytes) {
    FailureOr<DenseElementsAttr> value = reader->read(*stored.proto, stored.name);
    if (failed(value))
      return {};
    emitter->setLoc(NameLoc::get(StringAttr::get(context, stored.name)));
    Value result = emitter->constant(*value);
    emitter->setLoc(at);
    return result;
  }
  Value value = nn::GetOp::create(emitter->getBuilder(), at, stored.type,
                                  stored.symbol);
  if (tensor.original && tensor.transposed)
    value = emitter->transpose(value, {1, 0});
  if (tensor.original && getShape(value) != tensor.type.getShape())
    value = emitter->reshape(value, tensor.type.getShape());
  return value;
}

// Nullopt if the value's producer failed, or the tensor cannot be read.
std::optional<GraphValue> Importer::lookup(const std::string &name,
                                           Location at) {
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
void Importer::markStage(const Node &node, Operation *before) {
  if (!node.stage)
    return;
  Block &block = function.getBody().front();
  auto stage = emitter->getBuilder().getI64IntegerAttr(*node.stage);
  for (auto it = before ? std::next(before->getIterator()) : block.begin();
       it != block.end(); ++it)
    if (!it->hasTrait<OpTrait::ConstantLike>())
      it->setAttr(nn::kPipelineStageAttr, stage);
}

LogicalResult Importer::importNodes() {
  int errors = 0;
  for (const Node &node : graph.nodes) {
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
        if (auto it = origins.find(input); it != origins.end())
          names.insert(it->second.begin(), it->second.end());
      }
      operands.push_back(operand);
    }
    if (missing) {
      errors += errors == 0; // a tensor that could not be read
      continue;
    }
    emitter->setLoc(at);
    Block &block = function.getBody().front();
    Operation *before = block.empty() ? nullptr : &block.back();
    NodeContext nodeContext(node, *emitter, *reader, std::move(operands));
    std::string reason;
    if (failed(importNode(*findOperator(node, reason), nodeContext))) {
      if (++errors >= kErrorLimit) {
        emitError(loc) << "stopping after " << errors << " errors";
        return failure();
      }
      continue;
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
      else if (result.tensor && isFloat(result.tensor) &&
               getConstant(result.tensor) && !names.empty())
        origins[output] = names; // no gradient passes an integer
    }
    summary.nodes++;
  }
  return success(errors == 0);
}

LogicalResult Importer::importLoss() {
  std::optional<GraphValue> found = lookup(choice.output, loc);
  if (!found || !found->tensor)
    return emitError(loc) << "'" << choice.output
                          << "' was not computed: no node gives it as a tensor";
  loss = found->tensor;
  if (choice.op != LossOp::None) {
    emitter->setLoc(NameLoc::get(StringAttr::get(
        context, "--loss-op " + getLossOpName(choice.op).str())));
    Value logits = loss, labels;
    if (choice.addsLabels) {
      auto type = getLabelsType(getTensorType(logits), choice, options, loc);
      if (failed(type))
        return failure();
      unsigned index = function.getNumArguments();
      auto attributes = DictionaryAttr::get(
          context, {{StringAttr::get(context, "nn.name"),
                     StringAttr::get(context, choice.labels)}});
      if (failed(function.insertArgument(index, *type, attributes, loc)))
        return failure();
      labels = function.getArgument(index);
      summary.notes.push_back("input '" + choice.labels +
                              "' is added for the labels: " +
                              toString(type->getShape()));
    } else {
      std::optional<GraphValue> value = lookup(choice.labels, loc);
      if (!value || !value->tensor)
        return emitError(loc) << "labels '" << choice.labels
                              << "' are not a tensor of the graph";
      labels = value->tensor;
    }
    FailureOr<Value> built =
        buildLoss(*emitter, logits, labels, choice, options);
    if (failed(built))
      return failure();
    loss = *built;
  }
  if (!isFloat(loss))
    return emitError(loc) << "the loss '" << choice.output << "' has type "
                          << loss.getType() << "; it must be floating";
  if (countElements(getShape(loss)) != 1)
    return emitError(loc) << "the loss '" << choice.output << "' has shape "
                          << toString(getShape(loss))
                          << "; it must be a scalar. Reduce it in the model "
                             "(mean or sum) before it is exported";
  emitter->setLoc(loss.getLoc());
  loss = emitter->reshape(loss, {});
  return success();
}

// Tensors named like parameters that only other outputs read, or nobody.
void Importer::listUnused(const Graph &whole) {
  for (auto [name, proto] : whole.initializers) {
    if (tensors.contains(name) ||
        !isa_and_nonnull<FloatType>(getStorageType(proto->data_type(), context)))
      continue;
    if (isModulePath(name))
      summary.unused.push_back(name.str());
  }
  for (const std::string &name : summary.unused)
    summary.notes.push_back("parameter '" + name +
                            "' is left out: the loss does not depend on it");
}

// Values whose change changes the loss, infinitesimally.
static llvm::DenseSet<Value> findDifferentiable(Value loss) {
  llvm::DenseSet<Value> seen = {loss};
  SmallVector<Value> work = {loss};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    auto rule = dyn_cast_or_null<nn::DifferentiableOpInterface>(op);
    if (!rule)
      continue;
    for (OpOperand &operand : op->getOpOperands())
      if (rule.isDifferentiableOperand(operand.getOperandNumber()) &&
          seen.insert(operand.get()).second)
        work.push_back(operand.get());
  }
  return seen;
}

// The floating constants on differentiable paths to the loss.
llvm::SetVector<StringRef> Importer::findConstants() {
  llvm::DenseSet<Value> differentiable = findDifferentiable(loss);
  llvm::SetVector<StringRef> names;
  // A constant is on a path if an operation that reads it is, or reads
  // something folded from it.
  for (const Node &node : graph.nodes) {
    bool onPath = false;
    for (const std::string &output : node.outputs) {
      auto it = values.find(output);
      onPath |= it != values.end() && it->second.tensor &&
                !getConstant(it->second.tensor) &&
                differentiable.contains(it->second.tensor);
    }
    if (!onPath)
      continue;
    for (auto [i, input] : llvm::enumerate(node.inputs)) {
      auto it = values.find(input);
      if (it == values.end() || !it->second.tensor ||
          !isFloat(it->second.tensor) || isSetting(node, i))
        continue;
      if (auto found = origins.find(input); found != origins.end())
        names.insert(found->second.begin(), found->second.end());
    }
  }
  // Large ones are no literals.
  llvm::StringSet<> read;
  function.walk([&](nn::GetOp get) {
    if (differentiable.contains(get))
      read.insert(get.getParameter());
  });
  for (auto &[name, tensor] : tensors)
    if (tensor.floating && !tensor.trained && read.contains(tensor.symbol))
      names.insert(name);
  return names;
}

void Importer::listConstants(const llvm::SetVector<StringRef> &names) {
  Roles roles(graph, tensors, *reader);
  for (StringRef name : names) {
    summary.constants.push_back(name.str());
    auto it = tensors.find(name);
    if (it == tensors.end() || isRestricted(options))
      continue;
    const StoredTensor &tensor = it->second;
    if (tensor.trained || tensor.constant || tensor.type.getNumElements() < 2)
      continue;
    if (reader->isPresent(*tensor.proto, tensor.name)) {
      FailureOr<std::vector<char>> bytes =
          reader->readBytes(*tensor.proto, tensor.name);
      if (failed(bytes) || isMask(tensor.type.getElementType(), *bytes))
        continue;
    }
    summary.candidates.push_back({tensor.name, tensor.type.getShape().vec(),
                                  roles.describeUse(tensor)});
  }
}

// Training what an exporter computed from a parameter is not training the
// parameter, and leaving it constant is not what the model's author meant.
LogicalResult
Importer::refuseComputed(const llvm::SetVector<StringRef> &names) {
  std::string text;
  int64_t count = 0;
  for (auto &[name, tensor] : tensors) {
    if (tensor.computedFrom.empty() || !names.contains(name))
      continue;
    text += "\n  '" + llvm::join(tensor.computedFrom, "', '") + "', as '" +
            tensor.name + "' (" + toString(tensor.type.getShape()) + "): " +
            (tensor.computedFrom.size() == 1
                 ? "--freeze " + tensor.computedFrom.front()
                 : "--freeze " + tensor.name) +
            " keeps it constant";
    ++count;
  }
  if (!count)
    return success();
  return emitError(loc)
         << "the exporter replaced "
         << (count == 1 ? "a parameter" : "parameters")
         << " by what it computed from " << (count == 1 ? "it" : "them")
         << ", which cannot be trained in "
         << (count == 1 ? "its" : "their") << " place:" << text
         << "\nExport again with python -m dpc.export, which folds no parameter "
            "(or torch.onnx.export with optimize=False)";
}

// Why nothing is trained, in the user's words; "" if something is.
std::string Importer::explainNothingTrained() {
  for (const ParameterInfo &parameter : summary.parameters)
    if (parameter.trained)
      return "";
  SmallVector<StringRef> names;
  for (auto &[name, tensor] : tensors)
    if (tensor.byRules)
      names.push_back(tensor.getShownName());
  bool isChosen = !names.empty();
  if (!isChosen)
    for (const CandidateInfo &candidate : summary.candidates)
      names.push_back(candidate.name);
  std::string list = names.empty() ? "" : "'" + llvm::join(ArrayRef(names).take_front(3), "', '") +
                                              (names.size() > 3 ? "', …" : "'");
  std::string text = "nothing is left to train: the loss depends on ";
  if (isChosen)
    return text + std::to_string(names.size()) +
           (names.size() == 1 ? " parameter (" : " parameters (") + list + "), and " +
           (isRestricted(options) ? "--train chooses" : "--freeze leaves") + " none of them";
  text += "no stored tensor that is known to be a parameter";
  return names.empty() ? text : text + "; --train auto --train NAME trains one, of " + list;
}

LogicalResult Importer::createParameters(ModuleOp module) {
  // Readers decide what is left: nothing else is stored in the module.
  llvm::StringSet<> used;
  function.walk([&](nn::GetOp get) { used.insert(get.getParameter()); });
  llvm::DenseSet<Value> differentiable = findDifferentiable(loss);
  llvm::StringSet<> trainable;
  function.walk([&](nn::GetOp get) {
    if (differentiable.contains(get))
      trainable.insert(get.getParameter());
  });
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  LogicalResult result = success();
  Roles roles(graph, tensors, *reader);
  llvm::StringMap<StringRef> symbols;
  std::map<std::string, SmallVector<StringRef>> absent; // parameters by file
  for (auto &[name, tensor] : tensors) {
    if (tensor.original)
      continue;
    bool stored = tensor.trained ||
                  nn::getByteSize(tensor.type) > options.constantLimitBytes;
    if (tensor.trained && tensor.type.getNumElements() == 0)
      summary.notes.push_back("parameter '" + tensor.symbol +
                              "' is left out: it has no elements");
    if (!stored || !used.contains(tensor.symbol))
      continue;
    if (tensor.trained && !trainable.contains(tensor.symbol)) {
      tensor.trained = false;
      summary.notes.push_back("'" + tensor.getShownName().str() +
                              "' is not trained: no differentiable path leads "
                              "from it to the loss");
    }
    auto [it, fresh] = symbols.try_emplace(tensor.symbol, name);
    if (!fresh || tensor.symbol == "forward") {
      result = emitError(loc) << "initializers '" << it->second << "' and '"
                              << name << "' are both named '" << tensor.symbol
                              << "'";
      continue;
    }
    Attribute source;
    if (options.init && tensor.trained) {
      source = nn::InitAttr::get(context, chooseInit(tensor, graph, roles),
                                 options.init->seed,
                                 builder.getF64FloatAttr(options.init->stddev));
    } else {
      FailureOr<std::optional<FileRange>> range =
          reader->locate(*tensor.proto, name);
      if (failed(range)) {
        result = failure();
        continue;
      }
      if (!*range) {
        result = emitError(loc)
                 << "parameter '" << name
                 << "' is not stored as plain bytes; store it as raw data, or "
                    "let dpc draw it with --init seed:N";
        continue;
      }
      if (!(*range)->exists) {
        absent[(*range)->path].push_back(name);
        continue;
      }
      source = nn::FileAttr::get(context, (*range)->path, (*range)->offset,
                                 (*range)->length, (*range)->stamp.size,
                                 (*range)->stamp.time);
    }
    auto op = nn::ParameterOp::create(
        builder, NameLoc::get(builder.getStringAttr(name)), tensor.symbol,
        tensor.type, tensor.trained, source);
    if (tensor.symbol != tensor.name)
      op->setAttr("storage_name", builder.getStringAttr(tensor.name));
    setNames(op, tensor, state, tensors);
    ParameterInfo info{tensor.symbol,
                       tensor.name,
                       tensor.framework == tensor.symbol ? "" : tensor.framework,
                       tensor.type.getShape().vec(),
                       tensor.trained,
                       tensor.reason};
    summary.parameters.push_back(std::move(info));
  }
  // What the user froze is small enough to be a literal, but is a parameter still.
  for (auto &[name, tensor] : tensors)
    if (tensor.byRules && !tensor.trained && !tensor.original &&
        !symbols.contains(tensor.symbol) &&
        nn::getByteSize(tensor.type) <= options.constantLimitBytes)
      summary.parameters.push_back(
          {tensor.symbol, tensor.name,
           tensor.framework == tensor.symbol ? "" : tensor.framework,
           tensor.type.getShape().vec(), false, tensor.reason});
  for (auto &[path, names] : absent) {
    InFlightDiagnostic error = emitError(loc);
    if (names.size() == 1)
      error << "parameter '" << names.front() << "' is in '" << path;
    else
      error << names.size() << " parameters ('" << names[0] << "', '"
            << names[1] << (names.size() > 2 ? "', ..." : "'")
            << ") are in '" << path;
    result = error << "', which does not exist; bring the file, or let dpc "
                      "draw the parameters with --init seed:N";
  }
  return result;
}

LogicalResult Importer::finish(ModuleOp module) {
  if (failed(markPaddingRows(function.front(), tensors, options, summary.notes,
                             loc)))
    return failure();
  llvm::StringSet<> trained;
  for (auto &[name, tensor] : tensors)
    if (tensor.trained)
      trained.insert(tensor.symbol);
  FailureOr<Weighting> weighting =
      findWeighting(loss, options.reduction,
                    [&](StringRef name) { return trained.contains(name); }, loc);
  if (failed(weighting))
    return failure();
  for (const Quotient &quotient : weighting->quotients) {
    Value mean = quotient.root->getResult(0), guarded = guardQuotient(quotient);
    if (mean == loss)
      loss = guarded;
  }
  Value den = weighting->den;
  emitter->setLoc(loss.getLoc());
  den = den ? emitter->cast(emitter->reshape(den, {}), getElementType(loss))
            : emitter->splat(loss.getType(), 1);
  OpBuilder &builder = emitter->getBuilder();
  func::ReturnOp::create(builder, loc, ValueRange{loss, den});
  function.setType(builder.getFunctionType(
      function.getArgumentTypes(), TypeRange{loss.getType(), den.getType()}));
  function.setResultAttr(0, "nn.name", builder.getStringAttr("loss"));
  function.setResultAttr(1, "nn.name", builder.getStringAttr("den"));
  function->setAttr("nn.weighting", builder.getStringAttr(weighting->name));
  summary.weighting = weighting->name.str();
  summary.loss = choice.op == LossOp::None
                     ? choice.output
                     : getLossOpName(choice.op).str() + " of " + choice.output;
  if (!weighting->note.empty())
    summary.notes.push_back(weighting->note);

  llvm::SetVector<StringRef> constants = findConstants();
  if (failed(refuseComputed(constants)))
    return failure();
  listConstants(constants);
  // Dead operations, last first.
  for (Operation &op : llvm::make_early_inc_range(
           llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  if (failed(createParameters(module)))
    return failure();
  summary.nothingTrained = explainNothingTrained();
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run(StringRef path) {
  summary.error = ImportError::Model;
  auto opened = ModelFile::open(path, loc);
  if (failed(opened))
    return failure();
  file = std::move(*opened);
  reader.emplace(*file, loc, context);
  if (failed(checkModel()))
    return failure();
  FailureOr<Graph> built = buildGraph(*file, loc);
  if (failed(built))
    return failure();
  graph = std::move(*built);
  summary.outputs = graph.outputs;
  if (!graph.stagesNote.empty())
    summary.notes.push_back(graph.stagesNote);
  FailureOr<LossChoice> chosen =
      chooseLoss(*file, graph, options, loc, summary.error);
  if (failed(chosen))
    return failure();
  choice = *chosen;
  SmallVector<std::string> roots = {choice.output};
  if (choice.op != LossOp::None && !choice.addsLabels)
    roots.push_back(choice.labels);
  // Who else reads a tensor decides whether it is worth a note.
  Graph whole = graph;
  graph.prune(roots);
  if (failed(checkOperators()))
    return failure();

  FailureOr<StateDict> recorded = readStateDict(file->getProto(), whole, loc);
  if (failed(recorded))
    return failure();
  state = std::move(*recorded);
  auto classified = classifyTensors(*file, graph, whole, *reader, state, options,
                                    loc, summary);
  if (failed(classified))
    return failure();
  tensors = std::move(*classified);
  if (failed(resolveTies(tensors, graph, *reader, options, loc, summary.error)))
    return failure();
  for (auto &entry : tensors) {
    const StoredTensor &tensor = entry.second;
    if (!tensor.original)
      continue;
    auto tie = llvm::find_if(summary.ties, [&](const TieInfo &info) {
      return info.name == tensor.original->symbol;
    });
    if (tie == summary.ties.end()) {
      summary.ties.push_back({tensor.original->symbol, {}});
      tie = summary.ties.end() - 1;
    }
    tie->copies.push_back({tensor.name, tensor.transposed});
  }
  resolveLayouts(state, tensors, graph);
  listUnused(whole);
  summary.warnings = findDropped(graph, tensors, options, choice.output);

  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  if (failed(createFunction(*module)) || failed(importNodes()) ||
      failed(importLoss()) || failed(finish(*module)))
    return failure();
  setStateDict(*module, state, tensors, graph, whole, *file, *reader);
  summary.bytesRead = reader->getLargeBytesRead();
  if (failed(verify(*module))) {
    emitError(loc) << "the imported module is not valid; this is a bug in dpc";
    return failure();
  }
  summary.error = ImportError::None;
  return module;
}

FailureOr<OwningOpRef<ModuleOp>>
dpc::import::importModel(StringRef path, const ImportOptions &options,
                         MLIRContext *context, ImportSummary &summary) {
  context->loadDialect<nn::NNDialect, func::FuncDialect>();
  Location loc = NameLoc::get(StringAttr::get(context, path));
  return Importer(options, context, loc, summary).run(path);
}
