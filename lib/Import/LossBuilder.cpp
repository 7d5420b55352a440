// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LossBuilder.h"

#include "dpc/Dialect/NN/Builders.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

void dpc::import::crossEntropy(Emitter &b, RowLoss &loss, Value logits) {
  OpBuilder &builder = b.getBuilder();
  auto rowType = getTensorType(logits).clone(Shape({getShape(logits)[0]}));
  IntegerAttr ignored;
  if (loss.ignoreIndex)
    ignored = builder.getI64IntegerAttr(*loss.ignoreIndex);
  auto rows = nn::getStatisticsType(rowType, rowType.getShape());
  auto op =
      nn::CrossEntropyOp::create(builder, b.getLoc(), rows, rows, logits, loss.labels, ignored);
  // What the graph says of its losses' type.
  loss.values = b.cast(op.getLoss(), rowType.getElementType());
}

Value dpc::import::getRowWeights(Emitter &b, const RowLoss &loss) {
  auto type = getTensorType(loss.values);
  Value weights;
  if (loss.classWeights)
    // A label outside the classes reads 0: an ignored one has no weight.
    weights = b.make<nn::GatherOp>(type, loss.classWeights, loss.labels, int64_t(0));
  if (loss.ignoreIndex) {
    Value counted = b.cast(b.compare(nn::Predicate::NE, loss.labels,
                                     b.splat(loss.labels.getType(), double(*loss.ignoreIndex))),
                           type.getElementType());
    weights = weights ? b.binary<nn::MulOp>(weights, counted) : counted;
  }
  return weights ? weights : b.splat(type, 1);
}

Value dpc::import::weightedMean(Emitter &b, const RowLoss &loss) {
  auto scalar = getTensorType(loss.values).clone(Shape());
  auto op = nn::WeightedMeanOp::create(b.getBuilder(), b.getLoc(), scalar, scalar, loss.values,
                                       getRowWeights(b, loss));
  return op.getResult();
}

Value dpc::import::weightRows(Emitter &b, const RowLoss &loss) {
  if (!loss.classWeights && !loss.ignoreIndex)
    return loss.values;
  // Where the weight is 0 the row may hold anything: 0 all the same.
  Value weights = getRowWeights(b, loss);
  Value product = b.binary<nn::MulOp>(loss.values, weights);
  if (!loss.ignoreIndex)
    return product;
  Value ignored = b.compare(nn::Predicate::EQ, loss.labels,
                            b.splat(loss.labels.getType(), double(*loss.ignoreIndex)));
  return b.select(ignored, b.splat(product.getType(), 0), product);
}
