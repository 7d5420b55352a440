// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether dpc has an operator for each node, before anything is built: all that are
// missing are said at once.
#include "OperatorTable.h"

#include <map>

using namespace mlir;
using namespace dpc::import;

// ONNX's own operators of quantisation, and onnxruntime's.
static bool isQuantised(StringRef op) {
  op = op.substr(op.find_last_of(".:") + 1);
  return op == "QuantizeLinear" || op == "DequantizeLinear" || op == "DynamicQuantizeLinear" ||
         op == "MatMulInteger" || op == "ConvInteger" || op.starts_with("QLinear") ||
         op.starts_with("MatMulNBits") || op == "MatMulIntegerToFloat";
}

LogicalResult dpc::import::checkOperators(const Graph &graph, const ImportOptions &options,
                                          Location loc) {
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
                        << (options.evaluationOnly ? " nodes" : " nodes that the loss depends on")
                        << " have operators that dpc does not support:" << text;
}
