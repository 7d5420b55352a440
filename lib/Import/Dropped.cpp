// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Dropped.h.
#include "Dropped.h"

#include "Emitter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

/// "%x : [...] = call_function[target=torch.ops.aten.f.default](args = (%a,
/// 0.1), kwargs = {train: True})"
struct Call {
  std::string function; ///< "aten.f"
  SmallVector<std::string> args;
  std::vector<std::pair<std::string, std::string>> kwargs;

  /// The argument as written; "" if it was not given.
  StringRef get(unsigned position, StringRef name) const {
    for (const auto &[key, value] : kwargs)
      if (name == key)
        return value;
    return position < args.size() ? StringRef(args[position]) : StringRef();
  }
  std::optional<double> getNumber(unsigned position, StringRef name) const {
    double number;
    if (get(position, name).getAsDouble(number))
      return std::nullopt;
    return number;
  }
  bool isGiven(unsigned position, StringRef name) const {
    StringRef text = get(position, name);
    return !text.empty() && text != "None";
  }
  bool isTrue(unsigned position, StringRef name) const { return get(position, name) == "True"; }
};

} // namespace

// Up to the closing bracket of the list that `rest` is in, cut at its commas.
static SmallVector<std::string> splitList(StringRef &rest, char close) {
  SmallVector<std::string> parts;
  int depth = 0;
  size_t begin = 0, at = 0;
  for (; at < rest.size(); ++at) {
    char c = rest[at];
    if (depth == 0 && (c == close || c == ',')) {
      StringRef part = rest.slice(begin, at).trim();
      if (!part.empty())
        parts.push_back(part.str());
      begin = at + 1;
      if (c == close)
        break;
    } else if (StringRef("([{").contains(c)) {
      ++depth;
    } else if (StringRef(")]}").contains(c)) {
      --depth;
    }
  }
  rest = rest.drop_front(std::min(at + 1, rest.size()));
  return parts;
}

static std::optional<Call> parseCall(StringRef text) {
  auto [before, rest] = text.split("call_function[target=torch.ops.");
  auto [target, lists] = rest.split("](args = (");
  if (target.empty() || lists.empty())
    return std::nullopt;
  Call call;
  // The overload (".default") says nothing here.
  call.function = target.rsplit('.').first.str();
  call.args = splitList(lists, ')');
  StringRef kwargs = lists.split("kwargs = {").second;
  for (const std::string &entry : splitList(kwargs, '}')) {
    auto [key, value] = StringRef(entry).split(':');
    call.kwargs.push_back({key.trim().str(), value.trim().str()});
  }
  return call;
}

const StoredTensor *dpc::import::findTensor(const StoredTensors &tensors, StringRef name) {
  for (const auto &entry : tensors) {
    const StoredTensor &tensor = entry.second;
    if (name == tensor.name || name == tensor.symbol || name == tensor.framework)
      return tensor.original ? tensor.original : &tensor;
  }
  return nullptr;
}

static const std::pair<std::string, int64_t> *findPaddingRow(const ImportOptions &options,
                                                             const StoredTensors &tensors,
                                                             const StoredTensor &table) {
  for (const auto &entry : options.paddingRows)
    if (findTensor(tensors, entry.first) == &table)
      return &entry;
  return nullptr;
}

namespace {

class Finder {
public:
  Finder(const Graph &graph, const StoredTensors &tensors, const ImportOptions &options,
         StringRef loss)
      : graph(graph), tensors(tensors), options(options), loss(loss) {}

  std::vector<std::string> find() {
    // All nodes of one call stand together under it.
    llvm::MapVector<StringRef, SmallVector<const Node *>> calls;
    for (const Node &node : graph.nodes)
      if (!node.call.empty())
        calls[node.call].push_back(&node);
    for (auto &[text, nodes] : calls) {
      std::optional<Call> call = parseCall(text);
      if (!call)
        continue;
      StringRef function = call->function;
      if (function == "aten.embedding")
        checkEmbedding(*call, nodes);
      else if (function == "aten.cross_entropy_loss")
        checkLoss(*call, nodes, call->getNumber(5, "label_smoothing"));
      else if (function.starts_with("aten.nll_loss"))
        checkLoss(*call, nodes, std::nullopt);
      else if (function == "aten.scaled_dot_product_attention")
        checkDropout(*call, nodes, call->getNumber(4, "dropout_p"), true);
      else if (function.ends_with("dropout") || function.ends_with("dropout_"))
        checkDropout(*call, nodes, call->getNumber(1, "p"),
                     call->isTrue(2, "train") || call->isTrue(2, "training"));
    }
    for (const auto &[what, places] : dropouts)
      warn("the exporter recorded " + what + " for " +
           (places.size() == 1
                ? "node '" + places.front() + "'"
                : std::to_string(places.size()) + " nodes ('" + places.front() + "', …)") +
           ", and the graph drops nothing out: the model is trained without it "
           "(no flag adds it; export in eval mode if that is meant)");
    return std::move(warnings);
  }

private:
  void warn(std::string text) { warnings.push_back(std::move(text)); }

  // "node 'x' (aten.f)"
  static std::string describe(const Call &call, const Node &node) {
    return "node '" + node.name + "' (" + call.function + ")";
  }

  // The stored tensor behind a value, through nodes that only rearrange it.
  const StoredTensor *findStored(StringRef value) const {
    for (int depth = 0; depth < 16; ++depth) {
      if (auto it = tensors.find(value); it != tensors.end())
        return it->second.original ? it->second.original : &it->second;
      auto producer = graph.producers.find(value);
      if (producer == graph.producers.end())
        return nullptr;
      const Node &node = graph.nodes[producer->second];
      if (!llvm::is_contained({"Identity", "Transpose", "Cast", "CastLike"}, node.op))
        return nullptr;
      value = node.inputs[0];
    }
    return nullptr;
  }

  void checkEmbedding(const Call &call, ArrayRef<const Node *> nodes) {
    auto gather = llvm::find_if(nodes, [](const Node *node) { return node->op == "Gather"; });
    if (gather == nodes.end())
      return;
    const StoredTensor *table = findStored((*gather)->inputs[0]);
    if (!table || !table->trained)
      return;
    std::string at = describe(call, **gather);
    auto row = call.getNumber(2, "padding_idx");
    const auto *given = findPaddingRow(options, tensors, *table);
    if (row && *row >= 0 && (!given || given->second != int64_t(*row))) {
      std::string number = std::to_string(int64_t(*row));
      warn("the exporter recorded padding_idx " + number + " of table '" + table->symbol +
           "' for " + at + ", and the graph's Gather trains row " + number +
           " like any other; --padding-row " + table->symbol + "=" + number +
           " keeps its gradient 0");
    }
    if (call.isTrue(3, "scale_grad_by_freq"))
      warn("the exporter recorded scale_grad_by_freq of table '" + table->symbol + "' for " + at +
           ", and the graph's Gather does not scale gradients (no flag does)");
  }

  // (self, target, weight, reduction, ignore_index, label_smoothing)
  void checkLoss(const Call &call, ArrayRef<const Node *> nodes, std::optional<double> smoothing) {
    const Node *op = nullptr;
    for (const Node *node : nodes) {
      if (llvm::is_contained({"SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"}, node->op))
        op = node;
      else if (!llvm::is_contained({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze",
                                    "Transpose", "LogSoftmax", "Constant", "Shape", "Concat",
                                    "Slice"},
                                   node->op))
        return; // written out: what the call asked for is computed
    }
    if (!op)
      return;
    std::string at = describe(call, *op), tail = "the graph's " + op->op;
    const onnx::AttributeProto *ignored = op->find("ignore_index");
    const onnx::AttributeProto *reduction = op->find("reduction");
    std::optional<double> recorded = call.getNumber(4, "ignore_index");
    bool weighs = op->inputs.size() > 2 && !op->inputs[2].empty();
    bool dropsIndex = recorded && (!ignored || ignored->i() != int64_t(*recorded));
    if (smoothing && *smoothing != 0)
      warn("the exporter recorded label_smoothing " + print(*smoothing) + " for " + at + ", and " +
           tail + " has none" + adviseLoss(call, *op, weighs, smoothing));
    if (dropsIndex)
      warn("the exporter recorded ignore_index " + std::to_string(int64_t(*recorded)) + " for " +
           at + ", and " + tail +
           (ignored ? " ignores " + std::to_string(ignored->i())
                    : std::string(" ignores no label")) +
           adviseLoss(call, *op, weighs, smoothing));
    if (call.isGiven(2, "weight") && !weighs)
      warn("the exporter recorded class weights (" + call.get(2, "weight").str() + ") for " + at +
           ", and " + tail + " has none (no flag adds them)");
    static const char *const kinds[] = {"none", "mean", "sum"};
    std::string kind = reduction ? reduction->s() : "mean";
    auto number = call.getNumber(3, "reduction");
    if (number && *number >= 0 && *number <= 2 && kind != kinds[int(*number)])
      warn("the exporter recorded reduction '" + std::string(kinds[int(*number)]) + "' for " + at +
           ", and " + tail + " takes '" + kind + "' (no flag changes it)");
  }

  // The loss as --loss-op computes it, if it can take this one's place.
  std::string adviseLoss(const Call &call, const Node &op, bool weighs,
                         std::optional<double> smoothing) const {
    double reduction = call.getNumber(3, "reduction").value_or(1);
    bool isLoss = op.op == "SoftmaxCrossEntropyLoss" && op.outputs[0] == loss;
    if (!isLoss || weighs || call.isGiven(2, "weight") || reduction == 0)
      return " (no flag computes it here: export the model with the loss "
             "written out)";
    std::string text = "; --loss-op softmax_cross_entropy --logits " + op.inputs[0] + " --labels " +
                       op.inputs[1] + " --class-axis 1";
    if (auto ignored = call.getNumber(4, "ignore_index"); ignored && *ignored != -100)
      text += " --ignore-index " + std::to_string(int64_t(*ignored));
    if (smoothing && *smoothing != 0)
      text += " --label-smoothing " + print(*smoothing);
    if (reduction == 2)
      text += " --loss-reduction sum";
    return text + " computes the recorded one";
  }

  void checkDropout(const Call &call, ArrayRef<const Node *> nodes, std::optional<double> ratio,
                    bool isActive) {
    // A Dropout that is told its mode is refused or passed by the import.
    for (const Node *node : nodes)
      if (node->op == "Dropout" && node->inputs.size() > 2)
        return;
    if (ratio && *ratio > 0 && isActive)
      dropouts["dropout " + print(*ratio) + " (" + call.function + ")"].push_back(
          nodes.front()->name);
  }

  static std::string print(double number) {
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%g", number);
    return text;
  }

  const Graph &graph;
  const StoredTensors &tensors;
  const ImportOptions &options;
  StringRef loss;
  std::vector<std::string> warnings;
  std::map<std::string, SmallVector<std::string>> dropouts; ///< nodes by what
};

} // namespace

std::vector<std::string> dpc::import::findDropped(const Graph &graph, const StoredTensors &tensors,
                                                  const ImportOptions &options, StringRef loss) {
  return Finder(graph, tensors, options, loss).find();
}

LogicalResult dpc::import::markPaddingRows(Block &block, const StoredTensors &tensors,
                                           const ImportOptions &options,
                                           std::vector<std::string> &notes, Location loc) {
  // Lookups by table.
  llvm::MapVector<StringRef, SmallVector<nn::GatherOp>> lookups;
  for (auto gather : block.getOps<nn::GatherOp>()) {
    Value table = gather.getTable();
    while (isa_and_nonnull<nn::CastOp, nn::TransposeOp>(table.getDefiningOp()))
      table = table.getDefiningOp()->getOperand(0);
    auto get = table.getDefiningOp<nn::GetOp>();
    if (get && gather.getAxis() == 0)
      lookups[get.getParameter()].push_back(gather);
  }
  LogicalResult result = success();
  for (const auto &[name, row] : options.paddingRows) {
    const StoredTensor *table = findTensor(tensors, name);
    auto found = table ? lookups.find(table->symbol) : lookups.end();
    if (table && !table->trained) {
      notes.push_back("--padding-row " + name + ": '" + table->symbol + "' is not trained");
      continue;
    }
    if (found == lookups.end()) {
      std::string known;
      for (const auto &entry : lookups)
        known += (known.empty() ? "'" : ", '") + entry.first.str() + "'";
      result = emitError(loc) << "--padding-row names '" << name
                              << (table ? "', which is no table: nothing is looked up in it by "
                                          "its rows; "
                                        : "', but the loss depends on no stored tensor of that "
                                          "name; ")
                              << (known.empty() ? "the model has no tables"
                                                : "the model's tables are " + known);
      continue;
    }
    int64_t rows = getShape(found->second.front().getTable())[0];
    if (row < 0 || row >= rows) {
      result = emitError(loc) << "--padding-row " << name << "=" << row
                              << ": the table has rows 0 to " << rows - 1;
      continue;
    }
    for (nn::GatherOp gather : found->second)
      gather.setPaddingRow(row);
  }
  return result;
}
