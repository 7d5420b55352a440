// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See FurtherOutputs.h.
#include "FurtherOutputs.h"

#include "OperatorTable.h"
#include "program/format/Element.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

bool FurtherOutputs::read(StringRef value) const {
  return llvm::is_contained(names, value) || llvm::any_of(nodes, [&](const Node &node) {
           return llvm::is_contained(node.inputs, value);
         });
}

// Whether the type may be that of one number.
static bool mayBeNumber(const onnx::TypeProto &type) {
  if (!type.has_tensor_type() || !dpcrt::elementOfOnnx(type.tensor_type().elem_type()))
    return false;
  if (!type.tensor_type().has_shape())
    return true;
  return llvm::all_of(type.tensor_type().shape().dim(),
                      [](const auto &dim) { return dim.has_dim_value() && dim.dim_value() == 1; });
}

FurtherOutputs dpc::import::findFurtherOutputs(const ModelFile &file, const Graph &whole,
                                               const Graph &graph, const LossChoice &choice,
                                               std::vector<std::string> &notes) {
  FurtherOutputs further;
  llvm::BitVector needed(whole.nodes.size());
  for (const onnx::ValueInfoProto &output : file.getProto().graph().output()) {
    if (output.name() == choice.output || llvm::is_contained(further.names, output.name()) ||
        !mayBeNumber(output.type()))
      continue;
    llvm::BitVector own = needed;
    SmallVector<StringRef> work = {output.name()};
    std::string missing;
    while (!work.empty() && missing.empty()) {
      StringRef value = work.pop_back_val();
      auto producer = whole.producers.find(value);
      if (producer == whole.producers.end() || graph.producers.contains(value) ||
          own.test(producer->second))
        continue;
      own.set(producer->second);
      const Node &node = whole.nodes[producer->second];
      std::string reason;
      if (!findOperator(node, reason))
        missing = "node '" + node.name + "' (" + getOperatorName(node) +
                  ") has an operator that dpc does not support";
      work.append(node.inputs.begin(), node.inputs.end());
    }
    if (!missing.empty()) {
      notes.push_back("output '" + output.name() + "' is not evaluated: " + missing);
      continue;
    }
    needed = own;
    further.names.push_back(output.name());
  }
  for (unsigned i : needed.set_bits())
    further.nodes.push_back(whole.nodes[i]);
  return further;
}

LogicalResult dpc::import::addStoredTensors(const FurtherOutputs &further, const Graph &whole,
                                            TensorReader &reader, StoredTensors &tensors,
                                            std::vector<std::string> &notes) {
  for (auto [name, proto] : whole.initializers) {
    if (tensors.contains(name) || !further.read(name))
      continue;
    FailureOr<StoredTensor> tensor = describeTensor(name, *proto, reader);
    if (failed(tensor))
      return failure();
    tensor->constant = true;
    tensor->reason = "only outputs besides the loss read it";
    if (tensor->floating && isModulePath(name))
      notes.push_back("parameter '" + tensor->name + "' is not trained: " + tensor->reason);
    tensors.insert({name, *tensor});
  }
  return success();
}
