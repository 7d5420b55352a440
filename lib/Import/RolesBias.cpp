// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Biases: vectors as wide as the output of a product with a trained weight.
#include "Roles.h"

using namespace mlir;
using namespace dpc::import;

static int64_t getInt(const Node &node, StringRef name, int64_t otherwise) {
  const onnx::AttributeProto *attribute = node.find(name);
  return attribute ? attribute->i() : otherwise;
}

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
    return isRight ? covers(0, weight->back(), true) : covers(1, (*weight)[own - 2], true);
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
  if (output.empty() || labels.size() != weight->size() || rank > int64_t(output.size()))
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
