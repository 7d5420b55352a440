// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Constants.h"

#include "Roles.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

llvm::DenseSet<Value> dpc::import::findDifferentiable(Value loss) {
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

llvm::SetVector<StringRef> dpc::import::findConstants(Forward &forward, const Graph &graph,
                                                      const StoredTensors &tensors) {
  const auto &values = forward.values;
  llvm::DenseSet<Value> differentiable = findDifferentiable(forward.loss);
  llvm::SetVector<StringRef> names;
  // A constant is on a path if an operation that reads it is, or reads
  // something folded from it.
  for (const Node &node : graph.nodes) {
    bool onPath = false;
    for (const std::string &output : node.outputs) {
      auto it = values.find(output);
      onPath |= it != values.end() && it->second.tensor && !getConstant(it->second.tensor) &&
                differentiable.contains(it->second.tensor);
    }
    if (!onPath)
      continue;
    for (auto [i, input] : llvm::enumerate(node.inputs)) {
      auto it = values.find(input);
      if (it == values.end() || !it->second.tensor || !isFloat(it->second.tensor) ||
          isSetting(node, i))
        continue;
      if (auto found = forward.origins.find(input); found != forward.origins.end())
        names.insert(found->second.begin(), found->second.end());
    }
  }
  // Large ones are no literals.
  llvm::StringSet<> read;
  forward.function.walk([&](nn::GetOp get) {
    if (differentiable.contains(get))
      read.insert(get.getParameter());
  });
  for (auto &[name, tensor] : tensors)
    if (tensor.floating && !tensor.trained && read.contains(tensor.symbol))
      names.insert(name);
  return names;
}

void dpc::import::listConstants(const llvm::SetVector<StringRef> &names, const Graph &graph,
                                const StoredTensors &tensors, TensorReader &reader,
                                const ImportOptions &options, ImportSummary &summary) {
  Roles roles(graph, tensors, reader);
  for (StringRef name : names) {
    summary.constants.push_back(name.str());
    auto it = tensors.find(name);
    if (it == tensors.end() || isRestricted(options))
      continue;
    const StoredTensor &tensor = it->second;
    if (tensor.trained || tensor.constant || tensor.type.getNumElements() < 2)
      continue;
    if (reader.isPresent(*tensor.proto, tensor.name)) {
      FailureOr<std::vector<char>> bytes = reader.readBytes(*tensor.proto, tensor.name);
      if (failed(bytes) || isMask(tensor.type.getElementType(), *bytes))
        continue;
    }
    summary.candidates.push_back(
        {tensor.name, tensor.type.getShape().vec(), roles.describeUse(tensor)});
  }
}

// Training what an exporter computed from a parameter is not training the
// parameter, and leaving it constant is not what the model's author meant.
LogicalResult dpc::import::refuseComputed(const llvm::SetVector<StringRef> &names,
                                          const StoredTensors &tensors, Location loc) {
  std::string text;
  int64_t count = 0;
  for (auto &[name, tensor] : tensors) {
    if (tensor.computedFrom.empty() || !names.contains(name))
      continue;
    text += "\n  '" + llvm::join(tensor.computedFrom, "', '") + "', as '" + tensor.name + "' (" +
            toString(tensor.type.getShape()) + "): " +
            (tensor.computedFrom.size() == 1 ? "--freeze " + tensor.computedFrom.front()
                                             : "--freeze " + tensor.name) +
            " keeps it constant";
    ++count;
  }
  if (!count)
    return success();
  return emitError(loc) << "the exporter replaced " << (count == 1 ? "a parameter" : "parameters")
                        << " by what it computed from " << (count == 1 ? "it" : "them")
                        << ", which cannot be trained in " << (count == 1 ? "its" : "their")
                        << " place:" << text
                        << "\nExport again with python -m dpc.export, which folds no parameter "
                           "(or torch.onnx.export with optimize=False)";
}
