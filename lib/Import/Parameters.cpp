// Which stored tensors are trained. ONNX does not say: parameters, buffers,
// masks and folded constants are all initializers. The rules, in order:
//   1. --freeze, --train
//   2. the exporter's record: a name map, the graph signature, or the call that
//      the reading node was made from, where parameters are written %p_…
//   3. a name that is a module path: h.0.ln.weight
//   4. the position of a weight: matmul operand, filter, table, norm scale
#include "Parameters.h"

#include "Emitter.h"
#include "StateDict.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace dpc::import;

SmallVector<Reader> dpc::import::findReaders(const Graph &graph,
                                             StringRef value) {
  SmallVector<Reader> readers;
  SmallVector<std::pair<StringRef, bool>> work = {{value, false}};
  llvm::StringSet<> seen;
  while (!work.empty()) {
    auto [name, rearranged] = work.pop_back_val();
    auto uses = graph.uses.find(name);
    if (uses == graph.uses.end() || !seen.insert(name).second)
      continue;
    for (auto [index, operand] : uses->second) {
      const Node &node = graph.nodes[index];
      bool moves = llvm::is_contained({"Identity", "Transpose", "Reshape",
                                       "Squeeze", "Unsqueeze", "Flatten",
                                       "Cast", "CastLike"},
                                      node.op);
      if (moves && operand == 0 && !node.outputs.empty())
        work.push_back({node.outputs[0], true});
      else
        readers.push_back({&node, operand, rearranged});
    }
  }
  return readers;
}

bool dpc::import::isWeightPosition(const Reader &reader) {
  StringRef op = reader.node->op;
  if (op == "MatMul" || op == "Gemm" || op == "Einsum")
    return true;
  if (op == "Gather")
    return reader.operand == 0;
  if (op == "Conv" || op == "ConvTranspose" || op == "LayerNormalization" ||
      op == "RMSNormalization" || op == "GroupNormalization" ||
      op == "InstanceNormalization")
    return reader.operand == 1 || reader.operand == 2;
  if (op == "BatchNormalization")
    return reader.operand == 1 || reader.operand == 2;
  return false;
}

bool dpc::import::matchesAny(ArrayRef<std::string> globs,
                             const StoredTensor &tensor,
                             std::vector<bool> *used) {
  bool any = false;
  for (auto [i, text] : llvm::enumerate(globs)) {
    auto glob = llvm::GlobPattern::create(text);
    if (!glob) {
      llvm::consumeError(glob.takeError());
      continue;
    }
    for (StringRef name : {StringRef(tensor.name), StringRef(tensor.symbol),
                           StringRef(tensor.framework)})
      if (!name.empty() && glob->match(name)) {
        any = true;
        if (used)
          (*used)[i] = true;
      }
  }
  return any;
}

namespace {

// What the exporter recorded about parameters.
struct Record {
  llvm::StringMap<std::string> names;      ///< initializer -> framework's name
  llvm::StringMap<std::string> parameters; ///< p_… -> framework's name
  llvm::StringSet<> targets;               ///< the framework's parameters
  llvm::StringSet<> others;                ///< its buffers and constants
  bool hasSignature = false;
};

} // namespace

//   p_h_0_weight: PARAMETER target='h.0.weight'
//   b_mask: BUFFER target='mask' persistent=True
static void readSignature(StringRef text, Record &record) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    auto [name, rest] = line.trim().split(": ");
    auto [kind, tail] = rest.split(" target='");
    StringRef target = tail.take_until([](char c) { return c == '\''; });
    if (target.empty())
      continue;
    if (kind == "PARAMETER") {
      record.parameters[name] = target.str();
      record.targets.insert(target);
      record.hasSignature = true;
    } else {
      record.others.insert(target);
    }
  }
}

// {"initializer": "framework's name", …}, as python -m dpc.export writes it.
static LogicalResult readNameMap(StringRef text, Record &record, Location loc) {
  auto json = llvm::json::parse(text);
  llvm::json::Object *object = json ? json->getAsObject() : nullptr;
  if (!json)
    llvm::consumeError(json.takeError());
  if (!object)
    return emitError(loc) << "the model's metadata 'dpc.parameter_names' is no "
                             "JSON object of names";
  for (auto &[key, value] : *object)
    if (std::optional<StringRef> name = value.getAsString())
      record.names[StringRef(key)] = name->str();
  return success();
}

// %name tokens of a recorded call, in order, without the result's own.
static SmallVector<StringRef> getArguments(StringRef call) {
  SmallVector<StringRef> names;
  StringRef rest = call.split("](args = ").second;
  while (true) {
    size_t at = rest.find('%');
    if (at == StringRef::npos)
      return names;
    rest = rest.drop_front(at + 1);
    StringRef name =
        rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    names.push_back(name);
    rest = rest.drop_front(name.size());
  }
}

// A name like h.0.attn.weight; not view_6/shape, onnx::MatMul_9 or val_113, and
// none of the usual names of buffers.
bool dpc::import::isModulePath(StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  if (parts.size() < 2)
    return false;
  for (StringRef part : parts)
    if (part.empty() || !llvm::all_of(part, [](char c) {
          return llvm::isAlnum(c) || c == '_' || c == '-';
        }))
      return false;
  return !llvm::is_contained(
      {"running_mean", "running_var", "num_batches_tracked", "inv_freq",
       "original_inv_freq", "masked_bias", "position_ids", "token_type_ids"},
      parts.back());
}

namespace {

class Classifier {
public:
  Classifier(const Graph &graph, const Record &record, StoredTensors &tensors)
      : graph(graph), record(record), tensors(tensors) {}

  // Rule 2 for tensors with names of their own: before the calls are read,
  // which must know what parameters are already found.
  void applyNames(StoredTensor &tensor) {
    auto named = record.names.find(tensor.name);
    if (named != record.names.end()) {
      tensor.symbol = tensor.framework = named->second;
      decide(tensor, true, "the exporter's name map");
    } else if (record.targets.contains(tensor.name)) {
      tensor.framework = tensor.name;
      decide(tensor, true, "the exporter's signature");
    } else if (record.others.contains(tensor.name)) {
      decide(tensor, false, "a buffer or constant by the exporter's signature");
    }
  }

  // Rule 2 for tensors under made-up names, by the calls that read them.
  void applyCalls(StoredTensor &tensor) {
    if (isDecided(tensor) || !tensor.floating)
      return;
    bool recorded = false;
    for (const Reader &reader : findReaders(graph, tensor.name)) {
      if (reader.node->call.empty())
        continue;
      recorded = true;
      SmallVector<StringRef> arguments = getArguments(reader.node->call);
      std::string copyOf;
      SmallVector<std::string> absent;
      for (StringRef argument : arguments) {
        if (!argument.starts_with("p_"))
          continue;
        std::string target = record.parameters.lookup(argument);
        auto other = tensors.find(target);
        if (other == tensors.end() || target.empty())
          absent.push_back(target);
        else if (haveSameOrSwappedShape(tensor, other->second))
          copyOf = target;
      }
      // A parameter stored under no name of its own: it is this operand, unless
      // the operand is one of the call's own scalars (an epsilon, a scale).
      if (!absent.empty() && tensor.type.getNumElements() > 1) {
        if (absent.size() == 1)
          tensor.framework = absent.front();
        decide(tensor, true,
               "the call recorded for node '" + reader.node->name + "'");
        return;
      }
      // The parameter is also stored under its name: this may be its copy.
      if (!copyOf.empty() && isWeightPosition(reader)) {
        decide(tensor, true,
               "a copy of '" + copyOf + "' by the call recorded for node '" +
                   reader.node->name + "'");
        return;
      }
    }
    if (recorded)
      decide(tensor, false, "no parameter of the call that reads it");
  }

  // A table that the exporter's optimizer looked up at compile time: it recorded
  // what the value was folded from. One row of lookups with no row twice is the
  // table itself (rows that no lookup names get no gradient in either form).
  LogicalResult applyFolding(StoredTensor &tensor, StringRef foldedFrom,
                             TensorReader &reader) {
    StringRef target;
    for (StringRef rest = foldedFrom; rest.contains('\'');) {
      auto [name, tail] = rest.split('\'').second.split('\'');
      rest = tail;
      if (!record.targets.contains(name))
        continue;
      if (!target.empty())
        return success(); // mixes parameters: no parameter by itself
      target = name;
    }
    bool isLookup = StringRef(tensor.name).starts_with("embedding");
    if (isDecided(tensor) || !tensor.floating || !isLookup || target.empty() ||
        tensors.contains(target) || tensor.type.getRank() != 2)
      return success();
    FailureOr<std::vector<char>> bytes =
        reader.readBytes(*tensor.proto, tensor.name);
    if (failed(bytes))
      return failure();
    uint64_t rows = tensor.type.getDimSize(0);
    llvm::StringSet<> distinct;
    for (uint64_t i = 0, size = rows ? bytes->size() / rows : 0; i < rows; ++i)
      if (!distinct.insert(StringRef(bytes->data() + i * size, size)).second)
        return success();
    tensor.framework = target.str();
    tensor.partial = true;
    decide(tensor, true,
           "the exporter folded '" + target + "' into it, row by row");
    return success();
  }

  void applyFallbacks(StoredTensor &tensor) {
    if (isDecided(tensor) || !tensor.floating)
      return;
    if (isModulePath(tensor.name))
      return decide(tensor, true, "its name is a module path");
    for (const Reader &reader : findReaders(graph, tensor.name))
      if (isWeightPosition(reader) && tensor.type.getRank() > 0)
        return decide(tensor, true,
                      "the position of a weight in node '" +
                          reader.node->name + "'");
  }

private:
  static bool isDecided(const StoredTensor &tensor) {
    return !tensor.reason.empty();
  }
  static void decide(StoredTensor &tensor, bool trained, const Twine &reason) {
    if (isDecided(tensor) || !tensor.floating)
      return;
    tensor.trained = trained;
    tensor.reason = reason.str();
  }
  static bool haveSameOrSwappedShape(const StoredTensor &a,
                                     const StoredTensor &b) {
    Shape x = a.type.getShape(), y = b.type.getShape();
    return x == y || (x.size() == 2 && y.size() == 2 && x[0] == y[1] &&
                      x[1] == y[0]);
  }

  const Graph &graph;
  const Record &record;
  StoredTensors &tensors;
};

} // namespace

static LogicalResult checkGlobs(ArrayRef<std::string> globs, StringRef flag,
                                Location loc, ImportError &blame) {
  for (const std::string &text : globs) {
    auto glob = llvm::GlobPattern::create(text);
    if (glob)
      continue;
    blame = ImportError::Usage;
    return emitError(loc) << flag << " '" << text
                          << "': " << llvm::toString(glob.takeError());
  }
  return success();
}

// Rule 1. A pattern that matches nothing is a slip, and is said to be one.
static LogicalResult applyFlags(StoredTensors &tensors,
                                const ImportOptions &options, Location loc) {
  std::vector<bool> train(options.train.size()), freeze(options.freeze.size());
  LogicalResult result = success();
  for (auto &[name, tensor] : tensors) {
    bool wanted = matchesAny(options.train, tensor, &train);
    if (matchesAny(options.freeze, tensor, &freeze)) {
      tensor.trained = false;
      tensor.reason = "--freeze";
    } else if (wanted) {
      if (!tensor.floating)
        continue; // patterns may sweep over integers
      tensor.trained = true;
      tensor.reason = "--train";
    }
  }
  for (auto [flag, globs, used] :
       {std::tuple("--train", &options.train, &train),
        std::tuple("--freeze", &options.freeze, &freeze)})
    for (auto [i, text] : llvm::enumerate(*globs))
      if (!(*used)[i])
        result = emitError(loc) << flag << " '" << text
                                << "' matches no stored tensor that the loss "
                                   "depends on";
  return result;
}

FailureOr<StoredTensors>
dpc::import::classifyTensors(const ModelFile &file, const Graph &graph,
                             TensorReader &reader, const StateDict &state,
                             const ImportOptions &options, Location loc,
                             ImportError &blame) {
  const onnx::ModelProto &model = file.getProto();
  Record record;
  StringRef key = "pkg.torch.export.ExportedProgram.graph_signature";
  readSignature(findMetadata(model.graph().metadata_props(), key), record);
  readSignature(findMetadata(model.metadata_props(), key), record);
  for (const auto *metadata :
       {&model.metadata_props(), &model.graph().metadata_props()})
    if (StringRef map = findMetadata(*metadata, "dpc.parameter_names");
        !map.empty() && failed(readNameMap(map, record, loc)))
      return failure();
  if (failed(checkGlobs(options.train, "--train", loc, blame)) ||
      failed(checkGlobs(options.freeze, "--freeze", loc, blame)))
    return failure();

  StoredTensors tensors;
  for (auto [name, proto] : graph.initializers) {
    if (!graph.uses.contains(name))
      continue;
    FailureOr<RankedTensorType> type = reader.getType(*proto, name);
    if (failed(type))
      return failure();
    StoredTensor tensor;
    tensor.name = tensor.symbol = name.str();
    tensor.proto = proto;
    tensor.type = *type;
    tensor.floating = isa<FloatType>(type->getElementType());
    tensors.insert({name, tensor});
  }
  applyStateDict(state, tensors);
  Classifier classifier(graph, record, tensors);
  for (auto &[name, tensor] : tensors)
    classifier.applyNames(tensor);
  for (const onnx::ValueInfoProto &value : model.graph().value_info()) {
    StringRef from = findMetadata(value.metadata_props(),
                                  "pkg.onnxscript.optimizer.folded_from");
    auto tensor = tensors.find(value.name());
    if (!from.empty() && tensor != tensors.end() &&
        failed(classifier.applyFolding(tensor->second, from, reader)))
      return failure();
  }
  for (auto &[name, tensor] : tensors)
    classifier.applyCalls(tensor);
  for (auto &[name, tensor] : tensors)
    classifier.applyFallbacks(tensor);
  if (failed(applyFlags(tensors, options, loc)))
    return failure();
  return tensors;
}
