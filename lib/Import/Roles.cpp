#include "Roles.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"

using namespace mlir;
using namespace dpc::import;

// How many operators a norm may be written with, one behind the other; a file may
// have chains of any length.
constexpr int kDepthLimit = 16;

static bool isAny(StringRef op, std::initializer_list<StringRef> names) {
  return llvm::is_contained(names, op);
}

static bool isElementwiseCopy(const Node &node) {
  return isAny(node.op, {"Identity", "Cast", "CastLike", "Dropout"}) &&
         !node.inputs.empty();
}

static int64_t getInt(const Node &node, StringRef name, int64_t otherwise) {
  const onnx::AttributeProto *attribute = node.find(name);
  return attribute ? attribute->i() : otherwise;
}

Roles::Roles(const Graph &graph, const StoredTensors &tensors,
             TensorReader &reader)
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
  return node ? node->op == "Constant"
              : graph.initializers.contains(skipRearranging(value));
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
  } else if (auto it = graph.initializers.find(value);
             it != graph.initializers.end()) {
    proto = it->second;
  }
  if (!proto || proto->data_type() != onnx::TensorProto::INT64 ||
      proto->dims_size() > 1 || !reader.isPresent(*proto, value))
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
    else if (std::optional<Extents> ints = node->inputs.size() == 2
                                               ? getInts(node->inputs[1])
                                               : std::nullopt)
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
          isAny(node->op, {"Transpose", "Reshape", "Squeeze", "Unsqueeze",
                           "Flatten", "Expand"}))) {
    value = node->inputs[0];
    node = getProducer(value);
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Biases
//===----------------------------------------------------------------------===//

// One operand is a trained weight, the other depends on the graph's inputs.
bool Roles::isProduct(const Node &node) const {
  if (!isAny(node.op, {"MatMul", "Gemm", "Conv", "ConvTranspose", "Einsum"}) ||
      node.inputs.size() < 2)
    return false;
  for (unsigned i : {0u, 1u})
    if (findWeight(node.inputs[i]) && isActivation(node.inputs[1 - i]))
      return true;
  return false;
}

// Whether the shape, aligned at its end with the product's, is that of one number
// for each of its output features: all extents but those of features are 1.
bool Roles::isOutputWide(const Extents &shape, const Node &node) const {
  bool isRight = findWeight(node.inputs[1]) != nullptr;
  std::optional<Extents> weight = getShape(node.inputs[isRight ? 1 : 0]);
  if (!weight || weight->size() < 1)
    return false;
  int64_t rank = shape.size(), own = weight->size();
  // extent[k] counts from the end; the features' axis must be covered, the axes of
  // groups (experts) may be.
  auto covers = [&](int64_t featureAxis, int64_t features, bool hasGroups) {
    for (int64_t k = 0; k < rank; ++k) {
      int64_t extent = shape[rank - 1 - k];
      bool isGroup = hasGroups && k >= 2 && k < own && extent == (*weight)[own - 1 - k];
      if (k == featureAxis ? extent != features : extent != 1 && !isGroup)
        return false;
    }
    return featureAxis < rank;
  };
  if (node.op == "MatMul") {
    if (own == 1)
      return false;
    return isRight ? covers(0, weight->back(), true)
                   : covers(1, (*weight)[own - 2], true);
  }
  if (node.op == "Gemm") {
    bool isTransposed = getInt(node, isRight ? "transB" : "transA", 0);
    return own == 2 && covers(isRight ? 0 : 1, (*weight)[isRight != isTransposed], false);
  }
  if (node.op == "Conv")
    return own > 2 && covers(own - 2, weight->front(), false);
  if (node.op == "ConvTranspose")
    return own > 2 && covers(own - 2, (*weight)[1] * getInt(node, "group", 1), false);
  // Einsum: the labels of the output that the other operand does not have.
  const onnx::AttributeProto *attribute = node.find("equation");
  std::string equation;
  for (char c : attribute ? attribute->s() : std::string())
    if (c != ' ')
      equation += c;
  auto [inputs, output] = StringRef(equation).split("->");
  auto [left, right] = inputs.split(',');
  StringRef labels = isRight ? right : left, other = isRight ? left : right;
  if (output.empty() || labels.size() != weight->size() ||
      rank > int64_t(output.size()))
    return false;
  bool any = false;
  for (int64_t k = 0; k < int64_t(output.size()); ++k) {
    char label = output[output.size() - 1 - k];
    int64_t extent = k < rank ? shape[rank - 1 - k] : 1;
    size_t at = labels.find(label);
    bool isFeature = at != StringRef::npos && !other.contains(label);
    if (isFeature ? extent != (*weight)[at]
                  : extent != 1 && (at == StringRef::npos || extent != (*weight)[at]))
      return false;
    any |= isFeature;
  }
  return any;
}

// The same of a value that a product became by rearranging, seen from its end.
bool Roles::isOutputWide(Extents shape, StringRef value) const {
  while (const Node *node = getProducer(value)) {
    if (isProduct(*node))
      return isOutputWide(shape, *node);
    if (node->inputs.empty())
      return false;
    if (node->op == "Transpose") {
      const onnx::AttributeProto *perm = node->find("perm");
      if (!perm || shape.size() > size_t(perm->ints_size()))
        return false;
      shape.insert(shape.begin(), perm->ints_size() - shape.size(), 1);
      Extents before(shape.size(), 1);
      for (auto [i, axis] : llvm::enumerate(perm->ints())) {
        if (axis < 0 || axis >= int64_t(shape.size()))
          return false;
        before[axis] = shape[i];
      }
      shape = before;
    } else if (isAny(node->op, {"Reshape", "Squeeze", "Unsqueeze", "Flatten"})) {
      // The innermost dimensions together are one dimension before or after, since
      // a sum broadcasts: their product is the width.
      int64_t width = 1;
      bool isOuter = false;
      for (int64_t extent : llvm::reverse(shape)) {
        if (extent != 1 && isOuter)
          return false;
        isOuter |= extent == 1;
        width *= extent;
      }
      if (shape.empty() || (shape.back() == 1 && width != 1))
        return false;
      shape = {width};
    } else if (!isElementwiseCopy(*node)) {
      return false;
    }
    value = node->inputs[0];
  }
  return false;
}

const Node *Roles::findBiased(const StoredTensor &tensor) const {
  if (tensor.type.getRank() == 0)
    return nullptr;
  for (const Reader &r : findReaders(graph, tensor.name, /*throughExpand=*/true)) {
    const Node &node = *r.node;
    if (node.op == "Gemm" && r.operand == 2 && isProduct(node)) {
      if (std::optional<Extents> shape = getShape(node.inputs[2]);
          shape && isOutputWide(*shape, node))
        return &node;
    } else if ((node.op == "Conv" || node.op == "ConvTranspose") && r.operand == 2) {
      return &node;
    }
    if ((node.op != "Add" && node.op != "Sum") || node.inputs.size() != 2)
      continue;
    std::optional<Extents> shape = getShape(node.inputs[r.operand]);
    if (shape && isOutputWide(*shape, node.inputs[1 - r.operand]))
      return &node;
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Norms, as one operator or written out
//===----------------------------------------------------------------------===//

bool Roles::isSquare(StringRef value) const {
  const Node *node = getProducer(skipCasts(value));
  if (!node || node->inputs.size() != 2)
    return false;
  return (node->op == "Mul" && node->inputs[0] == node->inputs[1]) ||
         (node->op == "Pow" && isStored(node->inputs[1]));
}

// A mean of squares, with an epsilon or without.
bool Roles::isVariance(StringRef value, int depth) const {
  const Node *node = getProducer(skipRearranging(value));
  if (!node || node->inputs.empty() || depth > kDepthLimit)
    return false;
  if (node->op == "ReduceMean" || node->op == "ReduceSumSquare")
    return node->op == "ReduceSumSquare" || isSquare(node->inputs[0]);
  if (node->op == "Clip" || node->op == "Max")
    return llvm::any_of(node->inputs, [&](StringRef v) { return !v.empty() && isVariance(v, depth + 1); });
  if (node->inputs.size() != 2)
    return false;
  // The mean of squares less the square of the mean.
  if (node->op == "Sub")
    return isVariance(node->inputs[0], depth + 1) && isSquare(node->inputs[1]);
  if (!isAny(node->op, {"Add", "Mul", "Div"}))
    return false;
  for (unsigned i : {0u, 1u}) {
    if (!isStored(node->inputs[1 - i]))
      continue;
    const Node *sum = getProducer(skipCasts(node->inputs[i]));
    bool isSum = sum && sum->op == "ReduceSum" && !sum->inputs.empty() &&
                 isSquare(sum->inputs[0]);
    if (isVariance(node->inputs[i], depth + 1) || (isSum && node->op != "Add"))
      return true;
  }
  return false;
}

bool Roles::isDeviation(StringRef value, int depth) const {
  const Node *node = getProducer(skipRearranging(value));
  if (!node || node->inputs.empty() || depth > kDepthLimit)
    return false;
  if (node->op == "Sqrt" || (node->op == "Pow" && isStored(node->inputs.back())))
    return isVariance(node->inputs[0]);
  if (node->op == "Add" && node->inputs.size() == 2)
    for (unsigned i : {0u, 1u})
      if (isStored(node->inputs[1 - i]) && isDeviation(node->inputs[i], depth + 1))
        return true;
  return false;
}

bool Roles::isInverseDeviation(StringRef value) const {
  const Node *node = getProducer(skipRearranging(value));
  if (!node || node->inputs.empty())
    return false;
  if (node->op == "Reciprocal")
    return isDeviation(node->inputs[0]);
  if (node->op == "Div")
    return node->inputs.size() == 2 && isStored(node->inputs[0]) &&
           isDeviation(node->inputs[1]);
  if (node->op == "Sqrt") { // sqrt(1 / variance)
    const Node *inner = getProducer(skipCasts(node->inputs[0]));
    return inner && inner->op == "Reciprocal" && !inner->inputs.empty() &&
           isVariance(inner->inputs[0]);
  }
  return node->op == "Pow" && isStored(node->inputs.back()) &&
         isVariance(node->inputs[0]);
}

bool Roles::isNormalized(StringRef value) const {
  const Node *node = getProducer(skipRearranging(value));
  if (!node)
    return false;
  if (isAny(node->op, {"LayerNormalization", "RMSNormalization",
                       "BatchNormalization", "GroupNormalization",
                       "InstanceNormalization"}))
    return true;
  if (node->inputs.size() != 2)
    return false;
  if (node->op == "Div")
    return isActivation(node->inputs[0]) && isDeviation(node->inputs[1]);
  return node->op == "Mul" && (isInverseDeviation(node->inputs[0]) ||
                               isInverseDeviation(node->inputs[1]));
}

bool Roles::isVector(const StoredTensor &tensor) const {
  int64_t wide = 0; // a vector in any layout has one extent above 1
  for (int64_t extent : tensor.type.getShape())
    wide += extent > 1;
  return wide == 1;
}

const Node *Roles::findScaled(const StoredTensor &tensor, bool *isLessOne) const {
  if (!isVector(tensor))
    return nullptr;
  for (const Reader &r : findReaders(graph, tensor.name, /*throughExpand=*/true)) {
    const Node *node = r.node;
    // 1 + weight is a scale, too.
    if (node->op == "Add" && node->inputs.size() == 2 && !node->outputs.empty() &&
        isStored(node->inputs[1 - r.operand]))
      if (auto uses = graph.uses.find(node->outputs[0]);
          uses != graph.uses.end() && uses->second.size() == 1) {
        const Node &next = graph.nodes[uses->second[0].first];
        if (next.op == "Mul" && next.inputs.size() == 2 &&
            isNormalized(next.inputs[1 - uses->second[0].second])) {
          if (isLessOne)
            *isLessOne = true;
          return &next;
        }
      }
    if (node->op != "Mul" || node->inputs.size() != 2)
      continue;
    // (x - mean) / deviation * scale, or x * (scale / deviation) + …
    StringRef other = node->inputs[1 - r.operand];
    if (isNormalized(other) || isInverseDeviation(other))
      return node;
  }
  return nullptr;
}

const Node *Roles::findShifted(const StoredTensor &tensor) const {
  if (!isVector(tensor))
    return nullptr;
  // x / deviation, times a scale or not.
  auto isScaled = [&](StringRef value) {
    if (isNormalized(value))
      return true;
    const Node *node = getProducer(skipRearranging(value));
    if (!node || node->op != "Mul" || node->inputs.size() != 2)
      return false;
    for (unsigned i : {0u, 1u}) {
      if (isStored(node->inputs[1 - i]) && isNormalized(node->inputs[i]))
        return true;
      // mean * (scale / deviation)
      const Node *factor = getProducer(skipRearranging(node->inputs[i]));
      if (factor && factor->op == "Mul" && factor->inputs.size() == 2 &&
          (isInverseDeviation(factor->inputs[0]) ||
           isInverseDeviation(factor->inputs[1])))
        return true;
    }
    return false;
  };
  for (const Reader &r : findReaders(graph, tensor.name, /*throughExpand=*/true)) {
    const Node *node = r.node;
    if (node->inputs.size() != 2)
      continue;
    bool adds = node->op == "Add" || (node->op == "Sub" && r.operand == 0);
    if (adds && isScaled(node->inputs[1 - r.operand]))
      return node;
  }
  return nullptr;
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
    auto found = llvm::find_if(uses->second, [&](auto use) {
      return !isSetting(graph.nodes[use.first], use.second);
    });
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
  return operand >= 1 &&
         isAny(op, {"Clip", "Dropout", "Pad", "Resize", "Upsample", "Expand",
                    "Reshape", "Tile", "TopK", "CastLike"});
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
