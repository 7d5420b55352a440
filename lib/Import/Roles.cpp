// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Roles.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace dpc::import;

bool Roles::isElementwiseCopy(const Node &node) {
  return isAny(node.op, {"Identity", "Cast", "CastLike", "Dropout"}) && !node.inputs.empty();
}

Roles::Roles(const Graph &graph, const StoredTensors &tensors, TensorReader &reader)
    : graph(graph), tensors(tensors), reader(reader) {
  for (const onnx::ValueInfoProto *input : graph.inputs) {
    activations.insert(input->name());
    varying.insert(input->name());
  }
  for (auto &[name, tensor] : tensors)
    if (tensor.trained)
      varying.insert(name);
  for (llvm::StringSet<> *values : {&activations, &varying})
    for (const Node &node : graph.nodes)
      if (node.op != "Shape" && node.op != "Size" &&
          llvm::any_of(node.inputs, [&](StringRef v) { return values->contains(v); }))
        for (const std::string &output : node.outputs)
          values->insert(output);
}

//===----------------------------------------------------------------------===//
// Facts about values
//===----------------------------------------------------------------------===//

const Node *Roles::getProducer(StringRef value) const {
  auto it = graph.producers.find(value);
  return it == graph.producers.end() ? nullptr : &graph.nodes[it->second];
}

bool Roles::isStored(StringRef value) const {
  const Node *node = getProducer(skipRearranging(value));
  return node ? node->op == "Constant" : graph.initializers.contains(skipRearranging(value));
}

std::optional<Roles::Extents> Roles::getInts(StringRef value) const {
  const onnx::TensorProto *proto = nullptr;
  if (const Node *node = getProducer(value)) {
    if (node->op != "Constant")
      return std::nullopt;
    if (const auto *ints = node->find("value_ints"))
      return Extents(ints->ints().begin(), ints->ints().end());
    if (const auto *attribute = node->find("value"))
      proto = &attribute->t();
  } else if (auto it = graph.initializers.find(value); it != graph.initializers.end()) {
    proto = it->second;
  }
  if (!proto || proto->data_type() != onnx::TensorProto::INT64 || proto->dims_size() > 1 ||
      !reader.isPresent(*proto, value))
    return std::nullopt;
  FailureOr<std::vector<char>> bytes = reader.readBytes(*proto, value);
  if (failed(bytes))
    return std::nullopt;
  Extents ints(bytes->size() / sizeof(int64_t));
  memcpy(ints.data(), bytes->data(), bytes->size());
  return ints;
}

std::optional<Roles::Extents> Roles::getShape(StringRef value, int depth) const {
  if (auto it = tensors.find(value); it != tensors.end())
    return Extents(it->second.type.getShape());
  const Node *node = getProducer(value);
  if (!node || node->inputs.empty() || depth > kDepthLimit)
    return std::nullopt;
  std::optional<Extents> shape = getShape(node->inputs[0], depth + 1);
  if (!shape || isElementwiseCopy(*node) || node->op == "Expand")
    return shape; // broadcasting: what it is repeated over does not matter
  if (node->op == "Transpose") {
    Extents result;
    const onnx::AttributeProto *perm = node->find("perm");
    if (!perm)
      return Extents(shape->rbegin(), shape->rend());
    for (int64_t axis : perm->ints()) {
      if (axis < 0 || axis >= int64_t(shape->size()))
        return std::nullopt;
      result.push_back((*shape)[axis]);
    }
    return result;
  }
  if (node->op == "Reshape" && node->inputs.size() == 2) {
    std::optional<Extents> target = getInts(node->inputs[1]);
    if (!target || llvm::is_contained(*target, 0))
      return std::nullopt;
    int64_t count = 1, known = 1;
    for (int64_t extent : *shape)
      count *= extent;
    for (int64_t extent : *target)
      known *= extent < 0 ? 1 : extent;
    for (int64_t &extent : *target)
      if (extent < 0)
        extent = known ? count / known : 0;
    return target;
  }
  if (node->op == "Unsqueeze") {
    Extents axes;
    if (const onnx::AttributeProto *given = node->find("axes"))
      axes.assign(given->ints().begin(), given->ints().end());
    else if (std::optional<Extents> ints =
                 node->inputs.size() == 2 ? getInts(node->inputs[1]) : std::nullopt)
      axes = *ints;
    else
      return std::nullopt;
    int64_t rank = shape->size() + axes.size();
    for (int64_t &axis : axes)
      axis += axis < 0 ? rank : 0;
    llvm::sort(axes);
    for (int64_t axis : axes) {
      if (axis < 0 || axis > int64_t(shape->size()))
        return std::nullopt;
      shape->insert(shape->begin() + axis, 1);
    }
    return shape;
  }
  return std::nullopt;
}

// The trained tensor that the value is, rearranged.
const StoredTensor *Roles::findWeight(StringRef value) const {
  auto it = tensors.find(skipRearranging(value));
  return it != tensors.end() && it->second.trained ? &it->second : nullptr;
}

StringRef Roles::skipCasts(StringRef value) const {
  const Node *node = getProducer(value);
  while (node && isElementwiseCopy(*node)) {
    value = node->inputs[0];
    node = getProducer(value);
  }
  return value;
}

StringRef Roles::skipRearranging(StringRef value) const {
  const Node *node = getProducer(value);
  while (node && !node->inputs.empty() &&
         (isElementwiseCopy(*node) ||
          isAny(node->op, {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand"}))) {
    value = node->inputs[0];
    node = getProducer(value);
  }
  return value;
}

//===----------------------------------------------------------------------===//
// What cannot be told apart
//===----------------------------------------------------------------------===//

std::string Roles::describeOperand(StringRef value, int depth) const {
  StringRef origin = skipRearranging(value);
  const Node *node = getProducer(origin);
  if (!node)
    return isActivation(origin) ? "an input" : "a constant";
  if (node->op == "Gather" && !node->inputs.empty() && !isActivation(node->inputs[0]))
    return "an embedding";
  if (isProduct(*node))
    return "a product with a weight";
  if (isAny(node->op, {"MatMul", "Gemm", "Einsum"}))
    return "a product of activations";
  // A scaled product of activations, as in attention.
  if (isAny(node->op, {"Mul", "Div"}) && node->inputs.size() == 2 && depth < kDepthLimit)
    for (unsigned i : {0u, 1u})
      if (isStored(node->inputs[1 - i])) {
        std::string inner = describeOperand(node->inputs[i], depth + 1);
        if (StringRef(inner).starts_with("a product of"))
          return inner;
      }
  return isActivation(origin) ? "an activation" : "what only parameters make";
}

std::string Roles::describeUse(const StoredTensor &tensor) const {
  // Forward through what only spreads or computes with the tensor itself.
  StringRef value = tensor.name;
  std::string through;
  for (int depth = 0; depth < 16; ++depth) {
    auto uses = graph.uses.find(value);
    if (uses == graph.uses.end())
      break;
    auto found = llvm::find_if(
        uses->second, [&](auto use) { return !isSetting(graph.nodes[use.first], use.second); });
    if (found == uses->second.end())
      break;
    const Node &node = graph.nodes[found->first];
    unsigned operand = found->second;
    std::string place = ", in node '" + node.name + "'";
    bool isAlone = llvm::none_of(node.inputs, [&](StringRef v) { return varying.contains(v); });
    if (isAlone && !node.outputs.empty()) {
      if (!isElementwiseCopy(node) && through.empty() &&
          !isAny(node.op, {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"}))
        through = "through " + getOperatorName(node) + " ";
      value = node.outputs[0];
      continue;
    }
    bool isBinary = node.inputs.size() == 2;
    if (isBinary && isAny(node.op, {"Add", "Sub", "Sum"})) {
      std::string other = describeOperand(node.inputs[1 - operand]);
      if (StringRef(other).ends_with("a weight"))
        other += ", but no vector of its width";
      return through + (node.op == "Sub" && operand == 1 ? "subtracted from " : "added to ") +
             other + place;
    }
    if (isBinary && node.op == "Mul")
      return through + "multiplies " + describeOperand(node.inputs[1 - operand]) + place;
    if (node.op == "Div")
      return through + (operand ? "divides an activation" : "divided by an activation") + place;
    if (node.op == "Concat")
      return through + "joined to activations" + place;
    return through + "read by " + getOperatorName(node) + place;
  }
  return "read by no node that computes";
}

bool dpc::import::isSetting(const Node &node, unsigned operand) {
  StringRef op = node.op;
  if (op == "BatchNormalization")
    return operand >= 3;
  if (op == "SoftmaxCrossEntropyLoss" || op == "NegativeLogLikelihoodLoss" || op == "OneHot")
    return operand == 2;
  return operand >= 1 && llvm::is_contained({"Clip", "Dropout", "Pad", "Resize", "Upsample",
                                             "Expand", "Reshape", "Tile", "TopK", "CastLike"},
                                            op);
}

bool dpc::import::isMask(Type element, ArrayRef<char> bytes) {
  auto type = dyn_cast<FloatType>(element);
  if (!type)
    return false;
  unsigned size = type.getWidth() / 8;
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  auto readNumber = [&](const char *at) -> double {
    uint64_t bits = 0;
    memcpy(&bits, at, size);
    if (size == sizeof(float))
      return llvm::bit_cast<float>(uint32_t(bits));
    return llvm::APFloat(semantics, llvm::APInt(type.getWidth(), bits)).convertToDouble();
  };
  bool zeros = false, ones = false, blocked = false;
  for (size_t at = 0; at + size <= bytes.size(); at += size) {
    double value = readNumber(bytes.data() + at);
    if (value == 0)
      zeros = true;
    else if (value == 1)
      ones = true;
    else if (value <= -1000)
      blocked = true;
    else
      return false;
  }
  return zeros && ones != blocked;
}
