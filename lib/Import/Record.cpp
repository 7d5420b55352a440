// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Record.h"

#include "data/ParseJson.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

constexpr llvm::StringLiteral kSignature = "pkg.torch.export.ExportedProgram.graph_signature";
constexpr llvm::StringLiteral kInputKind = "pkg.torch.export.graph_signature.InputSpec.kind";
constexpr llvm::StringLiteral kOriginalName = "pkg.torch.onnx.original_node_name";
constexpr llvm::StringLiteral kFoldedFrom = "pkg.onnxscript.optimizer.folded_from";

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
    } else {
      record.others.insert(target);
    }
  }
}

// {"initializer": "framework's name", …}, as python -m dpc.export writes it.
static LogicalResult readNameMap(StringRef text, Record &record, Location loc) {
  nlohmann::json map = dpcrt::parseJson(text);
  if (!map.is_object())
    return emitError(loc) << "the model's metadata 'dpc.parameter_names' is no "
                             "JSON object of names";
  for (auto &[key, value] : map.items())
    if (value.is_string())
      record.names[key] = value.get<std::string>();
  return success();
}

// Facts that are kept beside one value: as what it came into the program, and
// ['a', 'b'], what it was folded from.
template <typename Metadata>
static void readValue(StringRef name, const Metadata &metadata, Record &record) {
  StringRef kind = findMetadata(metadata, kInputKind);
  if (kind == "PARAMETER") {
    record.targets.insert(name);
    if (StringRef original = findMetadata(metadata, kOriginalName); !original.empty())
      record.parameters.try_emplace(original, name.str());
  } else if (kind == "BUFFER" || kind == "CONSTANT_TENSOR") {
    record.others.insert(name);
  }
  StringRef rest = findMetadata(metadata, kFoldedFrom);
  while (rest.contains('\'')) {
    auto [source, tail] = rest.split('\'').second.split('\'');
    record.folded[name].insert(source.str());
    rest = tail;
  }
}

// Where only direct sources are recorded, those of the sources are added.
static void closeFolded(Record &record) {
  for (auto &entry : record.folded) {
    std::set<std::string> &sources = entry.second;
    SmallVector<std::string> work(sources.begin(), sources.end());
    while (!work.empty()) {
      auto it = record.folded.find(work.pop_back_val());
      if (it == record.folded.end())
        continue;
      for (const std::string &source : it->second)
        if (source != entry.first() && sources.insert(source).second)
          work.push_back(source);
    }
  }
}

FailureOr<Record> dpc::import::readRecord(const onnx::ModelProto &model, Location loc) {
  Record record;
  readSignature(findMetadata(model.graph().metadata_props(), kSignature), record);
  readSignature(findMetadata(model.metadata_props(), kSignature), record);
  for (const auto *metadata : {&model.metadata_props(), &model.graph().metadata_props()})
    if (StringRef map = findMetadata(*metadata, "dpc.parameter_names");
        !map.empty() && failed(readNameMap(map, record, loc)))
      return failure();
  for (const onnx::ValueInfoProto &value : model.graph().value_info())
    readValue(value.name(), value.metadata_props(), record);
  for (const onnx::TensorProto &tensor : model.graph().initializer())
    readValue(tensor.name(), tensor.metadata_props(), record);
  closeFolded(record);
  return record;
}

SmallVector<std::string> Record::getFoldedParameters(StringRef value) const {
  SmallVector<std::string> found;
  if (auto it = folded.find(value); it != folded.end())
    for (const std::string &source : it->second)
      if (targets.contains(source))
        found.push_back(source);
  return found;
}

RecordedCall dpc::import::parseCall(StringRef call) {
  RecordedCall result;
  result.target = call.split("[target=").second.split(']').first;
  result.target.consume_front("torch.ops.");
  StringRef rest = call.split("](args = ").second;
  while (true) {
    size_t at = rest.find('%');
    if (at == StringRef::npos)
      return result;
    rest = rest.drop_front(at + 1);
    StringRef name = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    result.arguments.push_back(name);
    rest = rest.drop_front(name.size());
  }
}

// embedding_1 -> embedding, _to_copy -> _to_copy, val_3 -> val; net/val_3, under a
// prefix, too. view_6/shape is an operand that the exporter made for view_6.
static StringRef getOperator(StringRef value) {
  if (value.ends_with("/shape") || value.ends_with("/axes"))
    return "val";
  StringRef name = value.substr(value.rfind('/') + 1);
  StringRef digits =
      name.take_back(name.size() - std::min(name.size(), name.find_last_not_of("0123456789") + 1));
  if (!digits.empty() && name.drop_back(digits.size()).ends_with("_"))
    name = name.drop_back(digits.size() + 1);
  return name;
}

static bool isRearrangement(StringRef op) {
  return llvm::is_contained({"transpose",    "permute",    "t",
                             "numpy_t",      "matrix_h",   "mt",
                             "swapaxes",     "swapdims",   "movedim",
                             "moveaxis",     "view",       "view_copy",
                             "_unsafe_view", "reshape",    "_reshape_alias",
                             "flatten",      "unflatten",  "squeeze",
                             "unsqueeze",    "alias",      "clone",
                             "detach",       "contiguous", "lift_fresh_copy",
                             "view_as",      "reshape_as", "identity"},
                            op);
}

static bool isLookup(StringRef op) {
  return llvm::is_contained({"embedding", "index_select", "gather", "index"}, op);
}

static bool isSlice(StringRef op) { return op == "slice" || op == "select" || op == "narrow"; }

// What indices are computed from; their values are integers.
static bool isOfIndices(StringRef op) {
  return llvm::is_contained({"arange",
                             "add",
                             "sub",
                             "rsub",
                             "cumsum",
                             "ones",
                             "new_ones",
                             "ones_like",
                             "zeros",
                             "new_zeros",
                             "zeros_like",
                             "full",
                             "new_full",
                             "full_like",
                             "expand",
                             "expand_as",
                             "_to_copy",
                             "to",
                             "convert_element_type_default",
                             "convert_element_type",
                             "type_as",
                             "clamp",
                             "clamp_min",
                             "repeat",
                             "scalar_tensor",
                             "sym_size",
                             "cat"},
                            op);
}

// Operators that the exporter decomposes without computing with their parameters.
static bool onlyRearrangesParameters(StringRef target) {
  return llvm::any_of(ArrayRef<StringRef>{"aten.linear", "aten.matmul", "aten.mm", "aten.bmm",
                                          "aten.einsum", "aten.conv", "aten.prelu",
                                          "aten.layer_norm", "aten.group_norm", "aten.rms_norm",
                                          "aten.instance_norm", "aten.batch_norm", "aten.index",
                                          "aten.embedding"},
                      [&](StringRef name) { return target.starts_with(name); });
}

Folding dpc::import::classifyFolding(const Record &record, StringRef value, StringRef target,
                                     ArrayRef<RecordedCall> calls) {
  auto it = record.folded.find(value);
  if (it == record.folded.end())
    return Folding::Other;
  const std::set<std::string> &sources = it->second;
  StringRef last = getOperator(value);
  bool isPart = last == "val"; // of the call that reads it
  bool looksUp = isLookup(last), slices = isSlice(last);
  bool rearranges = isRearrangement(last);
  bool expands = last.starts_with("expand"), computes = false, others = false;
  bool other = false;
  for (const std::string &source : sources) {
    if (source == target)
      continue;
    StringRef op = getOperator(source);
    others = true;
    // A buffer with the positions, as in BERT.
    if (op == "val" || record.others.contains(source))
      continue;
    looksUp |= isLookup(op);
    slices |= isSlice(op);
    expands |= op.starts_with("expand");
    computes |= isOfIndices(op) && !op.starts_with("expand");
    other |= !isLookup(op) && !isSlice(op) && !isRearrangement(op) && !isOfIndices(op);
  }
  if (other)
    return Folding::Other;
  // Rows are the outer dimensions of an embedding's result. Of other lookups, and of
  // one that was rearranged, they may be any.
  if (looksUp)
    return last == "embedding"            ? Folding::Lookup
           : isLookup(last) || rearranges ? Folding::LookupTransposed
                                          : Folding::Other;
  // Without a lookup, arithmetic on the way is on the parameter itself.
  if (computes)
    return Folding::Other;
  if (slices && !expands)
    return isSlice(last) || rearranges ? Folding::Slice : Folding::Other;
  if (expands)
    return last.starts_with("expand") || rearranges ? Folding::Expanded : Folding::Other;
  if (rearranges)
    return Folding::Rearranged;
  if (!isPart)
    return Folding::Other;
  // Part of a call, which must name the parameter; with operands of its own (a
  // shape, or a factor) only where the call is known not to compute with it.
  for (const RecordedCall &call : calls)
    for (StringRef argument : call.arguments)
      if (record.parameters.lookup(argument) == target)
        return !others || onlyRearrangesParameters(call.target) ? Folding::Rearranged
                                                                : Folding::Other;
  return Folding::Other;
}

namespace {

// How the elements of an array lie around one dimension.
struct Around {
  int64_t outer = 1, extent = 1, inner = 1;

  Around(ArrayRef<int64_t> shape, int64_t axis) {
    for (auto [i, size] : llvm::enumerate(shape))
      (int64_t(i) < axis ? outer : int64_t(i) == axis ? extent : inner) *= size;
  }
  int64_t getPlace(int64_t other, int64_t k) const {
    return (other / inner * extent + k) * inner + other % inner;
  }
};

} // namespace

bool dpc::import::holdsEachOnce(Folding folding, ArrayRef<int64_t> shape, int64_t elementBytes,
                                ArrayRef<char> bytes) {
  StringRef elements(bytes.data(), bytes.size());
  auto getElement = [&](int64_t place) {
    return elements.substr(place * elementBytes, elementBytes);
  };
  // Whether two of the vectors along a dimension are equal, or two of the slices at
  // its places.
  auto repeats = [&](int64_t axis, bool vectors) {
    Around around(shape, axis);
    int64_t others = around.outer * around.inner;
    int64_t count = vectors ? others : around.extent;
    int64_t length = vectors ? around.extent : others;
    llvm::StringSet<> distinct;
    std::string text;
    for (int64_t i = 0; i < count; ++i) {
      text.clear();
      for (int64_t j = 0; j < length; ++j)
        text += vectors ? getElement(around.getPlace(i, j)) : getElement(around.getPlace(j, i));
      if (!distinct.insert(text).second)
        return true;
    }
    return false;
  };
  int64_t rank = shape.size();
  if (folding == Folding::Lookup) // rows lie along the last dimension
    return rank > 0 && !repeats(rank - 1, /*vectors=*/true);
  bool vectors = folding == Folding::LookupTransposed;
  if (vectors) {
    // A row lies along any dimension; if it is one element, most of these differ.
    llvm::StringSet<> distinct;
    int64_t count = elements.size() / elementBytes;
    for (int64_t i = 0; i < count; ++i)
      distinct.insert(getElement(i));
    if (2 * int64_t(distinct.size()) < count)
      return false;
  }
  for (int64_t axis = 0; axis < rank; ++axis)
    if (shape[axis] > 1 && repeats(axis, vectors))
      return false;
  return true;
}
