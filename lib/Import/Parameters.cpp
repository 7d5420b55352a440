// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which stored tensors are trained. ONNX does not say: parameters, buffers,
// masks and folded constants are all initializers. The rules, in order:
//   1. --train, --freeze (Selection.cpp)
//   2. the exporter's record (Record.h): a name map, the graph signature, what a
//      value was folded from, or the call that the reading node was made from,
//      where parameters are written %p_…
//   3. a name that is a module path: h.0.ln.weight
//   4. the role (Roles.h): a weight's position in a product, a table, a norm; a
//      vector added to a product; the scale and shift of a norm
// What is left may be a parameter or not, and is listed for the user.
#include "Parameters.h"

#include "Emitter.h"
#include "Record.h"
#include "Roles.h"
#include "StateDict.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

SmallVector<Reader> dpc::import::findReaders(const Graph &graph, StringRef value,
                                             bool throughExpand) {
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
      bool moves = llvm::is_contained({"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze",
                                       "Flatten", "Cast", "CastLike"},
                                      node.op) ||
                   (throughExpand && node.op == "Expand");
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
  if (op == "MatMul" || op == "Einsum")
    return true;
  if (op == "Gemm")
    return reader.operand < 2; // the third is a bias, or is not
  if (op == "Gather")
    return reader.operand == 0;
  if (op == "Conv" || op == "ConvTranspose")
    return reader.operand == 1;
  if (op == "LayerNormalization" || op == "RMSNormalization" || op == "GroupNormalization" ||
      op == "InstanceNormalization" || op == "BatchNormalization")
    return reader.operand == 1 || reader.operand == 2;
  return false;
}

bool dpc::import::isBufferName(StringRef name) {
  StringRef last = name.substr(name.find_last_of("./") + 1).split(':').first;
  return llvm::is_contained({"running_mean", "running_var", "num_batches_tracked", "moving_mean",
                             "moving_variance", "inv_freq", "original_inv_freq", "masked_bias",
                             "position_ids", "token_type_ids"},
                            last);
}

// A name like h.0.attn.weight; not view_6/shape, onnx::MatMul_9 or val_113, and
// none of the usual names of buffers.
bool dpc::import::isModulePath(StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  if (parts.size() < 2)
    return false;
  for (StringRef part : parts)
    if (part.empty() ||
        !llvm::all_of(part, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '-'; }))
      return false;
  return !isBufferName(name);
}

namespace {

class Classifier {
public:
  Classifier(const Graph &graph, const Graph &whole, const Record &record, StoredTensors &tensors,
             TensorReader &reader)
      : graph(graph), whole(whole), record(record), tensors(tensors), reader(reader) {}

  LogicalResult run();

private:
  static bool isDecided(const StoredTensor &tensor) { return !tensor.reason.empty(); }
  static void train(StoredTensor &tensor, const Twine &reason) {
    tensor.trained = true;
    tensor.reason = reason.str();
  }
  static void keep(StoredTensor &tensor, const Twine &reason) {
    tensor.constant = true;
    tensor.reason = reason.str();
  }

  template <typename Rule> LogicalResult forUndecided(Rule rule) {
    for (auto &[name, tensor] : tensors)
      if (tensor.floating && !isDecided(tensor) && failed(rule(tensor)))
        return failure();
    return success();
  }

  void applyNames(StoredTensor &tensor);
  LogicalResult applyFolding(StoredTensor &tensor);
  FailureOr<bool> isWhole(const StoredTensor &tensor, Folding folding);
  void applyCalls(StoredTensor &tensor);
  void findAliases();
  void findAccounted();
  bool isComplete() const;
  bool isKnownMask(const StoredTensor &tensor);
  void applyPaths(StoredTensor &tensor);
  void applyPositions(StoredTensor &tensor);
  void applyRoles(StoredTensor &tensor, const Roles &roles);
  void judge();

  const Graph &graph, &whole;
  const Record &record;
  StoredTensors &tensors;
  TensorReader &reader;
  llvm::StringMap<std::string> mangled; ///< p_h_0_weight -> h.0.weight
  /// A recorded parameter that is stored under another's name, to which it is tied.
  llvm::StringMap<std::string> aliases;
  llvm::StringSet<> accounted; ///< recorded parameters of which the place is known
  bool judgesNodes = false;    ///< tensors of Constant nodes, too
};

} // namespace

// Tensors under names of their own: before the calls are read, which must know
// what parameters are already found.
void Classifier::applyNames(StoredTensor &tensor) {
  auto named = record.names.find(tensor.name);
  if (named != record.names.end()) {
    tensor.symbol = tensor.framework = tensor.identity = named->second;
    train(tensor, "the exporter's name map");
  } else if (record.targets.contains(tensor.name)) {
    tensor.framework = tensor.identity = tensor.name;
    train(tensor, "the exporter's signature");
  } else if (record.others.contains(tensor.name)) {
    keep(tensor, "a buffer or constant by the exporter's signature");
  }
}

// Whether the value holds its parameter, each element once: rows of a lookup are
// distinct, and an expansion was none. (Rows that no lookup names get no gradient
// in either form.)
FailureOr<bool> Classifier::isWhole(const StoredTensor &tensor, Folding folding) {
  if (folding == Folding::Rearranged || folding == Folding::Slice)
    return true;
  if (folding == Folding::Other)
    return false;
  if (!reader.isPresent(*tensor.proto, tensor.name)) {
    // By the shape alone: rows of more than one sequence are there twice.
    int64_t wide = 0;
    for (int64_t extent : tensor.type.getShape())
      wide += extent > 1;
    return folding != Folding::Expanded && wide <= 2;
  }
  FailureOr<std::vector<char>> read = reader.readBytes(*tensor.proto, tensor.name);
  if (failed(read))
    return failure();
  return holdsEachOnce(folding, tensor.type.getShape(), tensor.type.getElementTypeBitWidth() / 8,
                       *read);
}

// What the exporter's optimizer computed at compile time: it recorded from what.
LogicalResult Classifier::applyFolding(StoredTensor &tensor) {
  if (!record.folded.contains(tensor.name))
    return success();
  SmallVector<std::string> targets = record.getFoldedParameters(tensor.name);
  if (targets.empty()) {
    keep(tensor, "the exporter folded it from no parameter");
    return success();
  }
  std::string from = "'" + llvm::join(targets, "', '") + "'";
  if (targets.size() == 1) {
    SmallVector<RecordedCall> calls;
    for (const Reader &r : findReaders(graph, tensor.name))
      if (!r.node->call.empty())
        calls.push_back(parseCall(r.node->call));
    Folding folding = classifyFolding(record, tensor.name, targets.front(), calls);
    FailureOr<bool> whole = isWhole(tensor, folding);
    if (failed(whole))
      return failure();
    if (*whole) {
      auto alias = aliases.find(targets.front());
      tensor.holds = alias == aliases.end() ? targets.front() : alias->second;
      tensor.identity = tensor.holds;
      if (alias == aliases.end() && !tensors.contains(targets.front()))
        tensor.framework = targets.front();
      // What is no part of a call was rearranged in a way that the names do not tell.
      if (folding == Folding::Slice)
        tensor.partial = "slice";
      else if (folding == Folding::Lookup || folding == Folding::LookupTransposed)
        tensor.partial = "lookup";
      else if (folding == Folding::Expanded || !StringRef(tensor.name).contains("val_"))
        tensor.partial = "rearrangement";
      train(tensor, folding == Folding::Rearranged ? "the exporter stored " + from + " so"
                    : folding == Folding::Slice    ? "the exporter stored a part of " + from
                    : folding == Folding::Expanded
                        ? "the exporter stored " + from + " so, expanded over nothing"
                        : "the exporter folded " + from + " into it, row by row");
      return success();
    }
  }
  tensor.computedFrom.assign(targets.begin(), targets.end());
  tensor.reason = "the exporter computed it from " + from;
  return success();
}

// The name that torch gives a parameter in its records.
static std::string mangle(StringRef name) {
  std::string text = "p_" + name.lower();
  for (char &c : text)
    c = llvm::isAlnum(c) ? c : '_';
  return text;
}

// Tensors under made-up names, by the calls that read them, where the exporter did
// not record what was folded.
void Classifier::applyCalls(StoredTensor &tensor) {
  auto haveSameOrSwappedShape = [](const StoredTensor &a, const StoredTensor &b) {
    Shape x = a.type.getShape(), y = b.type.getShape();
    return x == y || (x.size() == 2 && y.size() == 2 && x[0] == y[1] && x[1] == y[0]);
  };
  bool recorded = false;
  for (const Reader &reader : findReaders(graph, tensor.name)) {
    if (reader.node->call.empty())
      continue;
    recorded = true;
    std::string copyOf;
    SmallVector<std::string> absent;
    for (StringRef argument : parseCall(reader.node->call).arguments) {
      if (!argument.starts_with("p_"))
        continue;
      std::string target = record.parameters.lookup(argument);
      auto other = tensors.find(target);
      if (target.empty())
        if (auto it = mangled.find(argument); it != mangled.end())
          other = tensors.find(it->second);
      if (other == tensors.end() && !accounted.contains(target))
        absent.push_back(target);
      else if (other == tensors.end())
        continue;
      else if (&other->second == &tensor)
        return train(tensor, "the call recorded for node '" + reader.node->name + "'");
      else if (haveSameOrSwappedShape(tensor, other->second))
        copyOf = other->first.str();
    }
    // A parameter stored under no name of its own: it is this operand, unless
    // the operand is one of the call's own scalars (an epsilon, a scale).
    if (!absent.empty() && tensor.type.getNumElements() > 1) {
      if (absent.size() == 1)
        tensor.framework = absent.front();
      return train(tensor, "the call recorded for node '" + reader.node->name + "'");
    }
    // The parameter is also stored under its name: this may be its copy.
    if (!copyOf.empty() && (isWeightPosition(reader) || reader.node->op == "Gemm"))
      return train(tensor, "a copy of '" + copyOf + "' by the call recorded for node '" +
                               reader.node->name + "'");
  }
  if (recorded)
    keep(tensor, "no parameter of the call that reads it");
}

// Tied parameters are recorded under each name, but stored under one. The node that
// reads it tells the other: by its call, or by its module, if that has a parameter of
// this kind that is not stored.
void Classifier::findAliases() {
  auto isAbsent = [&](StringRef target) {
    return record.targets.contains(target) && !whole.initializers.contains(target);
  };
  auto add = [&](StringRef other, StringRef stored) {
    auto tensor = tensors.find(stored);
    if (aliases.try_emplace(other, stored).second && tensor != tensors.end())
      tensor->second.otherNames.push_back(other.str());
  };
  for (const Node &node : whole.nodes) {
    if (node.call.empty())
      continue;
    SmallVector<StringRef> absent, named;
    for (StringRef argument : parseCall(node.call).arguments)
      if (auto it = record.parameters.find(argument); it != record.parameters.end())
        (isAbsent(it->second) ? absent : named).push_back(it->second);
    for (auto [i, input] : llvm::enumerate(node.inputs)) {
      bool isWeight = isWeightPosition({&node, unsigned(i), false}) || node.op == "Transpose";
      if (!isWeight || !record.targets.contains(input) || isAbsent(input))
        continue;
      if (absent.size() == 1 && !llvm::is_contained(named, input))
        add(absent.front(), input);
      std::string own = node.module + "." + StringRef(input).rsplit('.').second.str();
      if (isAbsent(own))
        add(own, input);
    }
  }
}

void Classifier::findAccounted() {
  for (const auto &target : record.targets)
    if (whole.initializers.contains(target.first()) || aliases.contains(target.first()))
      accounted.insert(target.first());
  for (auto &entry : record.folded)
    for (const std::string &source : entry.second)
      accounted.insert(source);
  for (auto &[name, tensor] : tensors)
    accounted.insert(tensor.framework);
}

// Whether the place of every recorded parameter is known: nothing else is one then.
bool Classifier::isComplete() const {
  return record.hasSignature() && llvm::all_of(record.targets, [&](const auto &target) {
           return accounted.contains(target.first());
         });
}

// Weights are not read for this.
bool Classifier::isKnownMask(const StoredTensor &tensor) {
  SmallVector<Reader> readers = findReaders(graph, tensor.name);
  if (llvm::any_of(readers, isWeightPosition) || tensor.type.getNumElements() < 2 ||
      !reader.isPresent(*tensor.proto, tensor.name))
    return false;
  FailureOr<std::vector<char>> bytes = reader.readBytes(*tensor.proto, tensor.name);
  return succeeded(bytes) && isMask(tensor.type.getElementType(), *bytes);
}

void Classifier::applyPaths(StoredTensor &tensor) {
  // A module may keep a mask under such a name.
  if (isModulePath(tensor.name) && isKnownMask(tensor))
    return keep(tensor, "a mask by its values");
  if (isModulePath(tensor.name))
    return train(tensor, "its name is a module path");
  if (isBufferName(tensor.name))
    return keep(tensor, "the name of a buffer");
}

void Classifier::applyPositions(StoredTensor &tensor) {
  for (const Reader &reader : findReaders(graph, tensor.name))
    if (isWeightPosition(reader) && tensor.type.getRank() > 0)
      return train(tensor, "the position of a weight in node '" + reader.node->name + "'");
}

void Classifier::applyRoles(StoredTensor &tensor, const Roles &roles) {
  if (const Node *node = roles.findBiased(tensor))
    train(tensor, "the bias of a product, in node '" + node->name + "'");
  else if (const Node *node = roles.findScaled(tensor))
    train(tensor, "the scale of a norm, in node '" + node->name + "'");
  else if (const Node *node = roles.findShifted(tensor))
    train(tensor, "the shift of a norm, in node '" + node->name + "'");
}

LogicalResult Classifier::run() {
  auto apply = [&](void (Classifier::*rule)(StoredTensor &)) {
    (void)forUndecided([&](StoredTensor &tensor) {
      (this->*rule)(tensor);
      return success();
    });
  };
  findAliases();
  apply(&Classifier::applyNames);
  if (failed(forUndecided([&](StoredTensor &t) { return applyFolding(t); })))
    return failure();
  for (auto &[name, tensor] : tensors)
    mangled.try_emplace(mangle(name), name.str());
  findAccounted();
  apply(&Classifier::applyCalls);
  findAccounted();
  if (isComplete())
    (void)forUndecided([&](StoredTensor &tensor) {
      keep(tensor, "no parameter by the exporter's signature");
      return success();
    });
  apply(&Classifier::applyPaths);
  // An exporter that has initializers and Constant nodes keeps its weights in the
  // former; one that has no weights there has them all in nodes.
  judgesNodes = false;
  judge();
  judgesNodes = llvm::none_of(tensors, [&](auto &entry) {
    return entry.second.trained && !graph.fromNodes.contains(entry.first);
  });
  if (judgesNodes)
    judge();
  return success();
}

// By roles; biases belong to weights, so those are found first.
void Classifier::judge() {
  auto forJudged = [&](auto rule) {
    (void)forUndecided([&](StoredTensor &tensor) {
      if (judgesNodes || !graph.fromNodes.contains(tensor.name))
        rule(tensor);
      return success();
    });
  };
  forJudged([&](StoredTensor &tensor) { applyPositions(tensor); });
  Roles roles(graph, tensors, reader);
  forJudged([&](StoredTensor &tensor) { applyRoles(tensor, roles); });
}

FailureOr<StoredTensor> dpc::import::describeTensor(StringRef name, const onnx::TensorProto &proto,
                                                    TensorReader &reader) {
  FailureOr<RankedTensorType> type = reader.getType(proto, name);
  if (failed(type))
    return failure();
  StoredTensor tensor;
  tensor.name = tensor.symbol = name.str();
  tensor.proto = &proto;
  tensor.type = *type;
  tensor.floating = isa<FloatType>(type->getElementType());
  return tensor;
}

FailureOr<StoredTensors> dpc::import::classifyTensors(const ModelFile &file, const Graph &graph,
                                                      const Graph &whole, TensorReader &reader,
                                                      const StateDict &state,
                                                      const ImportOptions &options, Location loc,
                                                      ImportSummary &summary) {
  FailureOr<Record> record = readRecord(file.getProto(), loc);
  if (failed(record))
    return failure();
  StoredTensors tensors;
  for (auto [name, proto] : graph.initializers) {
    if (!graph.uses.contains(name))
      continue;
    FailureOr<StoredTensor> tensor = describeTensor(name, *proto, reader);
    if (failed(tensor))
      return failure();
    tensors.insert({name, *tensor});
  }
  applyStateDict(state, tensors);
  if (failed(Classifier(graph, whole, *record, tensors, reader).run()) ||
      failed(applySelection(tensors, reader, options, loc, summary)))
    return failure();
  return tensors;
}
