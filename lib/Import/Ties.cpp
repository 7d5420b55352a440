// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters that are one, and parameters that were made one by accident.
//
// PyTorch's exporter merges initializers of equal value, so in a freshly
// initialised model all norm weights (ones) of a size become one tensor: training
// it would tie layers that have nothing to do with each other. The reverse
// happens too: a tied embedding comes out as a table and its transpose. Values
// are read for this, but only of tensors that can be concerned.
#include "Parameters.h"

#include "Emitter.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

// What exporters merge.
constexpr int64_t kSmallTensor = 1024;

static bool isSmall(const StoredTensor &tensor) {
  return tensor.type.getNumElements() <= kSmallTensor;
}

// The modules of the nodes that read the tensor directly, or the nodes
// themselves where no modules are recorded.
static llvm::SetVector<StringRef> getReadingModules(const Graph &graph, StringRef name,
                                                    bool &recorded) {
  llvm::SetVector<StringRef> modules, nodes;
  recorded = true;
  auto uses = graph.uses.find(name);
  if (uses == graph.uses.end())
    return modules;
  for (auto [index, operand] : uses->second) {
    const Node &node = graph.nodes[index];
    modules.insert(node.module);
    nodes.insert(node.name);
    recorded &= !node.module.empty();
  }
  return recorded ? modules : nodes;
}

namespace {

class TieResolver {
public:
  TieResolver(StoredTensors &tensors, const Graph &graph, TensorReader &reader,
              const ImportOptions &options, Location loc)
      : tensors(tensors), graph(graph), reader(reader), options(options), loc(loc) {}

  LogicalResult refuseAccidents();
  LogicalResult joinRecorded();
  LogicalResult joinCopies();

private:
  // The values as stored; empty if the file is absent (under --init).
  // Each tensor is read once.
  LogicalResult read(StoredTensor &tensor, std::vector<char> &bytes) {
    auto [it, fresh] = contents.try_emplace(tensor.name);
    if (fresh && failed(readOnce(tensor, it->second)))
      return failure();
    bytes = it->second;
    return success();
  }

  LogicalResult readOnce(StoredTensor &tensor, std::vector<char> &bytes) {
    FailureOr<std::optional<FileRange>> range = reader.locate(*tensor.proto, tensor.name);
    if (failed(range))
      return failure();
    if (*range && !(*range)->exists)
      return success();
    FailureOr<std::vector<char>> read = reader.readBytes(*tensor.proto, tensor.name);
    if (failed(read))
      return failure();
    bytes = std::move(*read);
    return success();
  }

  static size_t getElementBytes(const StoredTensor &tensor) {
    return tensor.type.getElementTypeBitWidth() / 8;
  }

  static bool isUniform(const StoredTensor &tensor, ArrayRef<char> bytes) {
    size_t size = getElementBytes(tensor);
    for (size_t at = size; at < bytes.size(); at += size)
      if (bytes.slice(at, size) != bytes.take_front(size))
        return false;
    return true;
  }

  static std::vector<char> transpose(const StoredTensor &tensor, ArrayRef<char> bytes) {
    size_t size = getElementBytes(tensor);
    size_t rows = tensor.type.getShape()[0], columns = tensor.type.getShape()[1];
    std::vector<char> result(bytes.size());
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < columns; ++c)
        std::copy_n(bytes.begin() + (r * columns + c) * size, size,
                    result.begin() + (c * rows + r) * size);
    return result;
  }

  // Tables of Gather and factors of products: what a tied embedding becomes.
  bool isTable(StringRef name) const {
    return llvm::any_of(findReaders(graph, name),
                        [](const Reader &r) { return r.node->op == "Gather" && r.operand == 0; });
  }
  bool isFactor(StringRef name) const {
    return llvm::any_of(findReaders(graph, name), [](const Reader &r) {
      return r.node->op == "MatMul" || r.node->op == "Gemm";
    });
  }

  LogicalResult compare(StoredTensor &a, StoredTensor &b);

  StoredTensors &tensors;
  const Graph &graph;
  TensorReader &reader;
  const ImportOptions &options;
  Location loc;
  std::map<std::string, std::vector<char>> contents;
};

} // namespace

LogicalResult TieResolver::refuseAccidents() {
  std::string text;
  int64_t count = 0;
  for (auto &[name, tensor] : tensors) {
    if (!tensor.trained || !isSmall(tensor) || tensor.type.getNumElements() == 0)
      continue;
    bool recorded;
    llvm::SetVector<StringRef> readers = getReadingModules(graph, name, recorded);
    if (readers.size() < 2 || tensor.recorded || llvm::is_contained(options.tied, tensor.name) ||
        llvm::is_contained(options.tied, tensor.symbol) ||
        llvm::any_of(options.tied, [&](StringRef name) { return tensor.isFrameworkName(name); }))
      continue;
    std::vector<char> bytes;
    if (failed(read(tensor, bytes)))
      return failure();
    if (bytes.empty() || !isUniform(tensor, bytes))
      continue;
    text += "\n  '" + tensor.getShownName().str() + "' (" + toString(tensor.type.getShape()) +
            ", all elements equal) is read by " + std::to_string(readers.size()) +
            (recorded ? " modules: " : " nodes: ") +
            llvm::join(readers.getArrayRef().take_front(4), ", ") +
            (readers.size() > 4 ? ", …" : "");
    ++count;
  }
  for (const std::string &name : options.tied)
    if (!tensors.contains(name) && llvm::none_of(tensors, [&](auto &entry) {
          return entry.second.symbol == name || entry.second.isFrameworkName(name);
        }))
      return emitError(loc) << "--tied names '" << name
                            << "', but the loss depends on no such tensor";
  if (!count)
    return success();
  return emitError(loc) << "the exporter seems to have merged parameters of equal value; "
                           "trained like this, "
                        << (count == 1 ? "this tensor" : "each of these tensors")
                        << " would stay tied:" << text
                        << "\nExport again with python -m dpc.export, which keeps every "
                           "parameter apart, or pass --tied NAME for each tensor that is shared "
                           "on purpose";
}

// Tensors of which the exporter recorded that they hold the same parameter, in any
// size and of any values. Where the values are not there (under --init), shapes and
// what exporters do decide: a weight is stored again for its transpose.
LogicalResult TieResolver::joinRecorded() {
  std::map<std::string, StoredTensor *> originals;
  for (auto &[name, tensor] : tensors)
    if (tensor.trained && !tensor.computedFrom.size() && tensor.framework == name)
      originals[tensor.name] = &tensor;
  LogicalResult result = success();
  for (auto &[name, tensor] : tensors) {
    if (tensor.holds.empty() || !tensor.trained)
      continue;
    auto [it, isFirst] = originals.try_emplace(tensor.holds, &tensor);
    if (isFirst || it->second == &tensor)
      continue;
    StoredTensor &original = *it->second;
    Shape x = original.type.getShape(), y = tensor.type.getShape();
    bool canSwap = x.size() == 2 && y.size() == 2 && x[0] == y[1] && x[1] == y[0];
    std::vector<char> left, right;
    if (failed(read(original, left)) || failed(read(tensor, right)))
      return failure();
    bool known = !left.empty() && !right.empty();
    bool equal = known ? left == right : x == y && original.holds == tensor.holds;
    bool transposed = !equal && canSwap && (!known || transpose(original, left) == right);
    if (original.type.getElementType() != tensor.type.getElementType() || (!equal && !transposed)) {
      result = emitError(loc) << "the exporter stored '" << tensor.holds << "' twice, as '"
                              << original.name << "' (" << toString(x) << ") and, rearranged, as '"
                              << tensor.name << "' (" << toString(y)
                              << "); trained like this they would come apart. --freeze "
                              << tensor.name
                              << " keeps one as it is, or export again with "
                                 "python -m dpc.export, which stores it once";
      continue;
    }
    tensor.original = &original;
    tensor.transposed = transposed;
    tensor.reason = "equal to '" + original.symbol + "'" + (transposed ? ", transposed" : "");
  }
  return result;
}

LogicalResult TieResolver::compare(StoredTensor &a, StoredTensor &b) {
  // Copies of one layer start equal, and are parameters of their own.
  if ((a.recorded && b.recorded) ||
      (!a.identity.empty() && !b.identity.empty() && a.identity != b.identity))
    return success();
  Shape x = a.type.getShape(), y = b.type.getShape();
  bool swapped = x.size() == 2 && y.size() == 2 && x[0] == y[1] && x[1] == y[0];
  if (a.type.getElementType() != b.type.getElementType() || (x != y && !swapped))
    return success();
  std::vector<char> left, right;
  if (failed(read(a, left)) || failed(read(b, right)))
    return failure();
  if (left.empty() || right.empty() || isUniform(a, left))
    return success();
  bool equal = x == y && left == right;
  bool transposed = !equal && swapped && transpose(a, left) == right;
  if (!equal && !transposed)
    return success();
  // One parameter is trained or is not; a flag for one of its copies is for both,
  // unless there is one for each.
  StoredTensor &on = a.trained ? a : b, &off = a.trained ? b : a;
  if (!off.trained && off.reason == "--freeze") {
    if (on.trained && on.reason != "--train") {
      on.trained = false;
      on.constant = true;
      on.reason = "--freeze " + off.symbol + ", to which it is equal";
    }
    return success();
  }
  if (!on.trained)
    return success();
  off.trained = true;
  // The copy is the one whose name was made up; else the later one.
  bool first = isModulePath(a.name) || !isModulePath(b.name);
  StoredTensor &original = first ? a : b, &copy = first ? b : a;
  copy.original = &original;
  copy.transposed = transposed;
  copy.reason = "equal to '" + original.symbol + "'" + (transposed ? ", transposed" : "");
  return success();
}

LogicalResult TieResolver::joinCopies() {
  // Small ones: only tensors of equal content are compared further, found by
  // size; a model has many small parameters, but few equal sizes differ.
  SmallVector<StoredTensor *> small, tables, factors;
  for (auto &[name, tensor] : tensors) {
    bool isParameter = tensor.trained || tensor.byRules;
    if (!isParameter || tensor.original || tensor.type.getNumElements() < 2)
      continue;
    if (isSmall(tensor))
      small.push_back(&tensor);
    if (tensor.type.getRank() == 2 && isTable(name))
      tables.push_back(&tensor);
    else if (tensor.type.getRank() == 2 && isFactor(name))
      factors.push_back(&tensor);
  }
  std::map<std::string, StoredTensor *> known;
  for (StoredTensor *tensor : small) {
    std::vector<char> bytes;
    if (failed(read(*tensor, bytes)))
      return failure();
    if (bytes.empty() || isUniform(*tensor, bytes))
      continue;
    std::string key(bytes.begin(), bytes.end()), turned;
    if (tensor->type.getRank() == 2) {
      std::vector<char> other = transpose(*tensor, bytes);
      turned.assign(other.begin(), other.end());
    }
    StoredTensor *match = nullptr;
    for (const std::string *text : {&key, &turned})
      if (auto it = known.find(*text); it != known.end() && !match)
        match = it->second;
    if (!match) {
      known[key] = tensor;
    } else if (failed(compare(*match, *tensor))) {
      return failure();
    } else if (match->original == tensor) {
      known[key] = tensor;
    }
  }
  for (StoredTensor *table : tables)
    for (StoredTensor *factor : factors)
      if (!table->original && !factor->original && failed(compare(*table, *factor)))
        return failure();
  // Copies of copies read the original itself.
  for (auto &[name, tensor] : tensors)
    while (tensor.original && tensor.original->original) {
      tensor.transposed ^= tensor.original->transposed;
      tensor.original = tensor.original->original;
    }
  return success();
}

LogicalResult dpc::import::resolveTies(StoredTensors &tensors, const Graph &graph,
                                       TensorReader &reader, const ImportOptions &options,
                                       Location loc, ImportError &blame) {
  TieResolver resolver(tensors, graph, reader, options, loc);
  return success(succeeded(resolver.refuseAccidents()) && succeeded(resolver.joinRecorded()) &&
                 succeeded(resolver.joinCopies()));
}
