// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loss operators: one loss per row, then a mean or a sum over the rows.
#include "LossBuilder.h"
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

// Reads reduction, ignore_index and the operands common to both operators.
static FailureOr<RowLoss> readOperands(NodeContext &node) {
  RowLoss loss;
  Value scores = node.in(0), labels = node.in(1);
  if (auto *attribute = node.getNode().find("ignore_index"))
    loss.ignoreIndex = attribute->i();
  Shape shape = getShape(scores);
  if (shape.size() < 2)
    return node.error() << "scores must be [rows, classes, ...], got " << toString(shape);
  if (shape[1] == 0)
    return node.error() << "has no classes: its scores are " << toString(shape);
  SmallVector<int64_t> expected(shape);
  expected.erase(expected.begin() + 1);
  if (getShape(labels) != Shape(expected))
    return node.error() << "labels " << toString(getShape(labels)) << " do not fit scores "
                        << toString(shape) << " (the classes are dimension 1)";
  if (node.has(2)) {
    loss.classWeights = node.in(2);
    if (getShape(node.in(2)) != Shape({shape[1]}) || failed(node.checkSameType(scores, node.in(2))))
      return node.error() << "weights must be one per class, got "
                          << toString(getShape(node.in(2)));
  }
  loss.rowShape = expected;
  loss.labels = node.b.reshape(labels, {*countElements(expected)});
  return loss;
}

static LogicalResult reduceRows(NodeContext &node, RowLoss &loss) {
  std::string reduction = node.getString("reduction", "mean");
  if (reduction == "mean" && countElements(loss.rowShape) == 0)
    return node.error() << "takes the mean of no rows: its labels are " << toString(loss.rowShape);
  if (reduction == "mean")
    return node.set(0, weightedMean(node.b, loss));
  Value weighted = weightRows(node.b, loss);
  if (reduction == "sum")
    return node.set(0, node.b.reduceSum(weighted, {0}, /*keep=*/false));
  if (reduction == "none")
    return node.set(0, node.b.reshape(weighted, loss.rowShape));
  return node.error() << "reduction must be mean, sum or none, not '" << reduction << "'";
}

// [N, C, d...] as rows of classes.
static Value toRows(Emitter &b, Value scores) {
  int64_t classes = getShape(scores)[1];
  Value last = b.moveToEnd(scores, 1);
  return b.reshape(last, {*countElements(getShape(last).drop_back()), classes});
}

static LogicalResult importSoftmaxCrossEntropyLoss(NodeContext &node) {
  Emitter &b = node.b;
  auto loss = readOperands(node);
  if (failed(loss))
    return failure();
  Value rows = toRows(b, node.in(0));
  crossEntropy(b, *loss, rows);
  if (node.wants(1)) {
    // The second result: log-probabilities in the layout of the scores.
    SmallVector<int64_t> shape(loss->rowShape);
    shape.push_back(getShape(node.in(0))[1]);
    Value probabilities = b.reshape(b.unary<nn::LogSoftmaxOp>(rows), shape);
    (void)node.set(1, b.moveFromEnd(probabilities, 1));
  }
  return reduceRows(node, *loss);
}

static LogicalResult importNegativeLogLikelihoodLoss(NodeContext &node) {
  Emitter &b = node.b;
  auto loss = readOperands(node);
  if (failed(loss))
    return failure();
  Value rows = toRows(b, node.in(0));
  int64_t count = getShape(rows)[0];
  // An ignored label may be no class at all: class 0 is read in its place.
  Value labels = loss->labels;
  if (loss->ignoreIndex) {
    auto type = getTensorType(labels);
    Value ignored = b.compare(nn::Predicate::EQ, labels, b.splat(type, double(*loss->ignoreIndex)));
    labels = b.select(ignored, b.splat(type, 0), labels);
  }
  Value picked = b.make<nn::GatherElementsOp>(getTensorType(rows).clone(Shape({count, 1})), rows,
                                              b.reshape(labels, {count, 1}), int64_t(1));
  loss->values = b.unary<nn::NegOp>(b.reshape(picked, {count}));
  return reduceRows(node, *loss);
}

ArrayRef<OperatorForm> dpc::import::getLossOperators() {
  static const OperatorForm forms[] = {
      {"NegativeLogLikelihoodLoss", 12, "FIf", importNegativeLogLikelihoodLoss},
      {"SoftmaxCrossEntropyLoss", 12, "FIf", importSoftmaxCrossEntropyLoss},
  };
  return forms;
}
