// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "StateDict.h"

#include "data/ParseJson.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;
using Json = nlohmann::ordered_json; // keeps the order of keys

static std::string getText(const Json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

static bool getFlag(const Json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_boolean() && it->get<bool>();
}

// {"h.0.weight": {"kind": "parameter", "trained": true, "shape": [4, 8],
//                 "initializer": "h.0.weight", "transposed": false}, …}
static LogicalResult readRecord(StringRef text, const Graph &graph, StateDict &state,
                                Location loc) {
  auto refuse = [&](const Twine &what) {
    return emitError(loc) << "the model's metadata 'dpc.state_dict' " << what;
  };
  Json record = dpcrt::parseJson<Json>(text);
  if (!record.is_object())
    return refuse("is no JSON object of the state dict's keys");
  for (auto &[key, entry] : record.items()) {
    if (!entry.is_object())
      return refuse("has no object at '" + key + "'");
    StateKey found;
    found.key = key;
    found.initializer = getText(entry, "initializer");
    found.buffer = getText(entry, "kind") == "buffer";
    found.trained = getFlag(entry, "trained") && !found.buffer;
    found.transposed = getFlag(entry, "transposed");
    auto stored = graph.initializers.find(found.initializer);
    if (stored == graph.initializers.end())
      return refuse("places '" + key + "' in the initializer '" + found.initializer +
                    "', which the graph does not have");
    SmallVector<int64_t> shape(stored->second->dims().begin(), stored->second->dims().end());
    if (found.transposed && shape.size() != 2)
      return refuse("calls '" + key + "' transposed, which is no matrix");
    if (found.transposed)
      std::swap(shape[0], shape[1]);
    Json expected = Json::array();
    for (int64_t size : shape)
      expected.push_back(size);
    if (auto it = entry.find("shape"); it == entry.end() || *it != expected)
      return refuse("gives '" + key + "' another shape than its initializer '" + found.initializer +
                    "' has");
    state.keys.push_back(std::move(found));
  }
  state.recorded = true;
  return success();
}

//   p_h_0_weight: PARAMETER target='h.0.weight'
//   b_mask: BUFFER target='mask' persistent=True
// Tied parameters have a line each, but one initializer under the name of one.
static void readSignature(StringRef text, const Graph &graph, StateDict &state) {
  llvm::StringSet<> seen;
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    auto [kind, tail] = line.split(": ").second.split(" target='");
    StringRef target = tail.take_until([](char c) { return c == '\''; });
    bool buffer = kind == "BUFFER" && tail.contains("persistent=True");
    if (target.empty() || (kind != "PARAMETER" && !buffer) || !seen.insert(target).second)
      continue;
    StateKey key;
    key.key = target.str();
    key.buffer = buffer;
    key.trained = !buffer;
    if (graph.initializers.contains(target))
      key.initializer = target.str();
    state.keys.push_back(std::move(key));
  }
}

FailureOr<StateDict> dpc::import::readStateDict(const onnx::ModelProto &model, const Graph &graph,
                                                Location loc) {
  StateDict state;
  for (const auto *metadata : {&model.metadata_props(), &model.graph().metadata_props()})
    if (StringRef text = findMetadata(*metadata, "dpc.state_dict"); !text.empty()) {
      if (failed(readRecord(text, graph, state, loc)))
        return failure();
      return state;
    }
  StringRef signature = "pkg.torch.export.ExportedProgram.graph_signature";
  readSignature(findMetadata(model.graph().metadata_props(), signature), graph, state);
  if (state.keys.empty())
    readSignature(findMetadata(model.metadata_props(), signature), graph, state);
  return state;
}

void dpc::import::applyStateDict(const StateDict &state, StoredTensors &tensors) {
  if (!state.recorded)
    return;
  for (const StateKey &key : state.keys) {
    auto it = tensors.find(key.initializer);
    if (it == tensors.end())
      continue; // not read
    if (it->second.recorded) {
      it->second.otherNames.push_back(key.key); // a tied one
      continue;
    }
    StoredTensor &tensor = it->second;
    tensor.recorded = true;
    tensor.framework = key.key;
    tensor.frameworkTransposed = key.transposed;
    tensor.trained = key.trained && tensor.floating;
    tensor.constant = !tensor.trained;
    tensor.reason = key.trained  ? "the exporter's state dict"
                    : key.buffer ? "a buffer by the exporter's state dict"
                                 : "needs no gradient by the exporter's state dict";
  }
  for (auto &[name, tensor] : tensors)
    if (!tensor.recorded && tensor.floating) {
      tensor.constant = true;
      tensor.reason = "not in the exporter's state dict";
    }
}

// A product that was exported from a linear layer multiplies with the layer's
// weight transposed: by a node of its own, by Gemm, or beforehand.
static bool isStoredTransposed(StringRef name, const Graph &graph) {
  auto uses = graph.uses.find(name);
  if (uses == graph.uses.end())
    return false;
  for (auto [index, operand] : uses->second) {
    const Node &node = graph.nodes[index];
    if (operand != 1 || !node.call.contains("aten.linear."))
      continue;
    const onnx::AttributeProto *turned = node.find("transB");
    if (node.op == "MatMul" || (node.op == "Gemm" && !(turned && turned->i())))
      return true;
  }
  return false;
}

void dpc::import::resolveLayouts(StateDict &state, StoredTensors &tensors, const Graph &graph) {
  if (state.recorded)
    return;
  llvm::StringMap<StateKey *> keys;
  for (StateKey &key : state.keys)
    keys[key.key] = &key;
  auto place = [&](StringRef name, const StoredTensor &tensor) {
    auto key = keys.find(name);
    if (key == keys.end() || !key->second->initializer.empty())
      return;
    key->second->initializer = tensor.name;
    key->second->transposed = tensor.frameworkTransposed;
  };
  for (auto &[name, tensor] : tensors) {
    if (tensor.framework.empty())
      continue;
    if (tensor.framework != tensor.name && tensor.partial.empty() && tensor.type.getRank() == 2)
      tensor.frameworkTransposed = isStoredTransposed(name, graph);
    place(tensor.framework, tensor);
    for (const std::string &other : tensor.otherNames)
      place(other, tensor);
  }
}

void dpc::import::setNames(nn::ParameterOp op, const StoredTensor &tensor, const StateDict &state,
                           const StoredTensors &tensors) {
  Builder builder(op.getContext());
  SmallVector<Attribute> names, copies;
  if (!tensor.framework.empty())
    names.push_back(builder.getStringAttr(tensor.framework));
  for (const StateKey &key : state.keys)
    if (state.recorded && key.initializer == tensor.name && key.key != tensor.framework)
      names.push_back(builder.getStringAttr(key.key));
  for (const std::string &name : tensor.otherNames)
    if (!state.recorded && !tensor.framework.empty())
      names.push_back(builder.getStringAttr(name));
  if (!names.empty())
    op->setAttr(nn::kFrameworkNamesAttr, builder.getArrayAttr(names));
  if (tensor.frameworkTransposed)
    op->setAttr(nn::kFrameworkTransposedAttr, builder.getUnitAttr());
  if (!tensor.partial.empty())
    op->setAttr(nn::kPartialAttr, builder.getStringAttr(tensor.partial));
  for (const auto &entry : tensors) {
    const StoredTensor &copy = entry.second;
    if (copy.original != &tensor)
      continue;
    copies.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("initializer", builder.getStringAttr(copy.name)),
         builder.getNamedAttr("transposed", builder.getBoolAttr(copy.transposed))}));
  }
  if (!copies.empty())
    op->setAttr(nn::kCopiesAttr, builder.getArrayAttr(copies));
}

void dpc::import::setStateDict(ModuleOp module, const StateDict &state,
                               const StoredTensors &tensors, const Graph &graph, const Graph &whole,
                               const ModelFile &file, TensorReader &reader) {
  Builder builder(module.getContext());
  FileStamp stamp = file.getStamp();
  module->setAttr(nn::kModelFileAttr, nn::FileAttr::get(module.getContext(), file.getPath(), 0,
                                                        stamp.size, stamp.size, stamp.time));
  SmallVector<Attribute> entries;
  for (const StateKey &key : state.keys) {
    NamedAttrList entry;
    entry.set("key", builder.getStringAttr(key.key));
    if (key.buffer)
      entry.set("buffer", builder.getUnitAttr());
    auto it = tensors.find(key.initializer);
    const StoredTensor *tensor = it == tensors.end() ? nullptr : &it->second;
    if (tensor && tensor->original)
      tensor = tensor->original;
    if (tensor && module.lookupSymbol<nn::ParameterOp>(tensor->symbol)) {
      entry.set("parameter", builder.getStringAttr(tensor->symbol));
      entries.push_back(entry.getDictionary(module.getContext()));
      continue;
    }
    if (graph.uses.contains(key.initializer))
      entry.set("used", builder.getUnitAttr());
    if (key.transposed)
      entry.set("transposed", builder.getUnitAttr());
    // Where its values are, if they are stored as plain bytes of a known type.
    auto stored = whole.initializers.find(key.initializer);
    bool partial = tensor && !tensor->partial.empty();
    if (stored != whole.initializers.end() && !partial &&
        getStorageType(stored->second->data_type(), module.getContext())) {
      ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
      FailureOr<RankedTensorType> type = reader.getType(*stored->second, key.initializer);
      FailureOr<std::optional<FileRange>> range = reader.locate(*stored->second, key.initializer);
      if (succeeded(type) && succeeded(range) && *range && (*range)->exists) {
        entry.set("type", TypeAttr::get(*type));
        entry.set("source",
                  nn::FileAttr::get(module.getContext(), (*range)->path, (*range)->offset,
                                    (*range)->length, (*range)->stamp.size, (*range)->stamp.time));
      }
    }
    entries.push_back(entry.getDictionary(module.getContext()));
  }
  if (!entries.empty())
    module->setAttr(nn::kStateDictAttr, builder.getArrayAttr(entries));
}
