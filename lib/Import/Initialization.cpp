// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How `--init` draws each parameter: ones for norm scales, zeros for biases and
// norm shifts, else normal. The role follows from the readers, so that it is
// found where the norm was written out in element operators as well.
#include "Parameters.h"
#include "Roles.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static bool isNormalization(StringRef op) {
  return op == "LayerNormalization" || op == "RMSNormalization" || op == "BatchNormalization" ||
         op == "GroupNormalization" || op == "InstanceNormalization";
}

static const Node *getProducer(const Graph &graph, StringRef value) {
  auto it = graph.producers.find(value);
  return it == graph.producers.end() ? nullptr : &graph.nodes[it->second];
}

// Whether the value is 1/sqrt(…) or sqrt(…), through casts.
static bool isRoot(const Graph &graph, StringRef value, bool reciprocal) {
  const Node *node = getProducer(graph, value);
  while (node &&
         (node->op == "Cast" || node->op == "Identity" || node->op == "Expand" ||
          node->op == "CastLike") &&
         !node->inputs.empty())
    node = getProducer(graph, node->inputs[0]);
  if (!node || node->inputs.empty())
    return false;
  if (!reciprocal)
    return node->op == "Sqrt";
  if (node->op == "Reciprocal")
    return isRoot(graph, node->inputs[0], false);
  if (node->op == "Div")
    return node->inputs.size() == 2 && isRoot(graph, node->inputs[1], false);
  return node->op == "Pow"; // (…)^-0.5
}

// Whether the value was just divided by its deviation or root mean square.
static bool isNormalized(const Graph &graph, StringRef value) {
  const Node *node = getProducer(graph, value);
  while (node && (node->op == "Cast" || node->op == "CastLike" || node->op == "Identity") &&
         !node->inputs.empty())
    node = getProducer(graph, node->inputs[0]);
  if (!node || node->inputs.size() != 2)
    return false;
  if (node->op == "Div")
    return isRoot(graph, node->inputs[1], false);
  if (node->op == "Mul")
    return isRoot(graph, node->inputs[0], true) || isRoot(graph, node->inputs[1], true);
  return false;
}

nn::InitKind dpc::import::chooseInit(const StoredTensor &tensor, const Graph &graph,
                                     const Roles &roles) {
  int64_t wide = 0; // extents above 1: a vector in any layout has one
  for (int64_t extent : tensor.type.getShape())
    wide += extent > 1;
  for (const Reader &reader : findReaders(graph, tensor.name)) {
    const Node &node = *reader.node;
    if (isNormalization(node.op) && reader.operand == 1)
      return nn::InitKind::Ones;
    if (isNormalization(node.op) && reader.operand == 2)
      return nn::InitKind::Zeros;
    if ((node.op == "Gemm" || node.op == "Conv" || node.op == "ConvTranspose") &&
        reader.operand == 2)
      return nn::InitKind::Zeros;
    if (wide > 1 || node.inputs.size() != 2)
      continue;
    StringRef other = node.inputs[1 - reader.operand];
    if (node.op == "Mul" && isNormalized(graph, other))
      return nn::InitKind::Ones;
    if (node.op == "Add") // also 1 + weight, a scale
      return nn::InitKind::Zeros;
  }
  bool isLessOne = false;
  if (roles.findScaled(tensor, &isLessOne))
    return isLessOne ? nn::InitKind::Zeros : nn::InitKind::Ones;
  if (roles.findShifted(tensor) || roles.findBiased(tensor))
    return nn::InitKind::Zeros;
  return nn::InitKind::Normal;
}
