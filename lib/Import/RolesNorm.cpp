// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scales and shifts of norms, as one operator or written out.
#include "Roles.h"

using namespace mlir;
using namespace dpc::import;

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
    return llvm::any_of(node->inputs,
                        [&](StringRef v) { return !v.empty() && isVariance(v, depth + 1); });
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
    bool isSum = sum && sum->op == "ReduceSum" && !sum->inputs.empty() && isSquare(sum->inputs[0]);
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
    return node->inputs.size() == 2 && isStored(node->inputs[0]) && isDeviation(node->inputs[1]);
  if (node->op == "Sqrt") { // sqrt(1 / variance)
    const Node *inner = getProducer(skipCasts(node->inputs[0]));
    return inner && inner->op == "Reciprocal" && !inner->inputs.empty() &&
           isVariance(inner->inputs[0]);
  }
  return node->op == "Pow" && isStored(node->inputs.back()) && isVariance(node->inputs[0]);
}

bool Roles::isNormalized(StringRef value) const {
  const Node *node = getProducer(skipRearranging(value));
  if (!node)
    return false;
  if (isAny(node->op, {"LayerNormalization", "RMSNormalization", "BatchNormalization",
                       "GroupNormalization", "InstanceNormalization"}))
    return true;
  if (node->inputs.size() != 2)
    return false;
  if (node->op == "Div")
    return isActivation(node->inputs[0]) && isDeviation(node->inputs[1]);
  return node->op == "Mul" &&
         (isInverseDeviation(node->inputs[0]) || isInverseDeviation(node->inputs[1]));
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
          (isInverseDeviation(factor->inputs[0]) || isInverseDeviation(factor->inputs[1])))
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
