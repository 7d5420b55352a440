// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Normalisations. Layer norm is an operation of nn; the others are written out.
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

// The extent of all dimensions from the axis on: one row.
static FailureOr<std::pair<int64_t, int64_t>> getRows(NodeContext &node) {
  Shape shape = getShape(node.in(0));
  auto axis = node.normalizeAxis(node.getInt("axis", -1), shape.size());
  if (failed(axis))
    return failure();
  std::pair<int64_t, int64_t> rows = {*countElements(shape.take_front(*axis)),
                                      *countElements(shape.drop_front(*axis))};
  if (rows.second == 0)
    return node.error() << "normalises an empty tensor";
  for (unsigned i : {1, 2}) {
    if (!node.has(i))
      continue;
    if (failed(node.checkSameType(node.in(0), node.in(i))))
      return failure();
    auto common = broadcastShapes(getShape(node.in(i)), shape.drop_front(*axis));
    if (!common || Shape(*common) != shape.drop_front(*axis))
      return node.error() << "its " << (i == 1 ? "scale" : "bias") << " "
                          << toString(getShape(node.in(i))) << " does not fit rows of "
                          << toString(shape.drop_front(*axis));
  }
  return rows;
}

static Value toRow(NodeContext &node, unsigned i, int64_t axis, int64_t extent) {
  Shape row = getShape(node.in(0)).drop_front(axis);
  return node.b.reshape(node.b.broadcast(node.in(i), row), {extent});
}

static LogicalResult importLayerNormalization(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  auto rows = getRows(node);
  if (failed(rows))
    return failure();
  if (node.getInt("stash_type", 1) != 1)
    return node.error() << "stash_type must be 1 (float)";
  SmallVector<int64_t> shape(getShape(x));
  int64_t axis = *node.normalizeAxis(node.getInt("axis", -1), shape.size());
  auto [count, extent] = *rows;
  OpBuilder &builder = b.getBuilder();
  // One dimension is normalised as it stands; several become one.
  bool single = axis == static_cast<int64_t>(shape.size()) - 1;
  Value operand = single ? x : b.reshape(x, {count, extent});
  // Of f64 in f64, whatever stash_type says: f32 would cost the digits that f64 is for.
  Type element = getElementType(operand);
  auto statistics = RankedTensorType::get(getShape(operand).drop_back(),
                                          element.isF64() ? element : builder.getF32Type());
  auto op = nn::LayerNormOp::create(builder, b.getLoc(), operand.getType(), statistics, statistics,
                                    operand, toRow(node, 1, axis, extent),
                                    node.has(2) ? toRow(node, 2, axis, extent) : Value(),
                                    builder.getF64FloatAttr(node.getFloat("epsilon", 1e-5)));
  SmallVector<int64_t> kept(shape);
  std::fill(kept.begin() + axis, kept.end(), 1);
  (void)node.set(0, b.reshape(op.getResult(), shape));
  if (node.wants(1))
    (void)node.set(1, b.reshape(op.getMean(), kept));
  if (node.wants(2))
    (void)node.set(2, b.reshape(op.getRstd(), kept));
  return success();
}

// x / sqrt(mean(x^2) + epsilon) * scale
static LogicalResult importRMSNormalization(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  auto rows = getRows(node);
  if (failed(rows))
    return failure();
  if (node.getInt("stash_type", 1) != 1)
    return node.error() << "stash_type must be 1 (float)";
  Type element = getElementType(x);
  int64_t rank = getRank(x);
  int64_t axis = *node.normalizeAxis(node.getInt("axis", -1), rank);
  // Statistics are computed in f32 at least.
  Type wide = element.isF64() ? element : b.getBuilder().getF32Type();
  Value y = b.cast(x, wide);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(axis, rank));
  Value mean = b.binary<nn::DivOp>(b.reduceSum(b.binary<nn::MulOp>(y, y), axes, /*keep=*/true),
                                   double(rows->second));
  Value root = b.unary<nn::SqrtOp>(b.binary<nn::AddOp>(mean, node.getFloat("epsilon", 1e-5)));
  Value normal = b.cast(b.binary<nn::MulOp>(y, b.unary<nn::ReciprocalOp>(root)), element);
  return node.set(0, b.binary<nn::MulOp>(normal, node.in(1)));
}

ArrayRef<OperatorForm> dpc::import::getNormalizationOperators() {
  static const OperatorForm forms[] = {
      {"LayerNormalization", 17, "FFf", importLayerNormalization},
      {"RMSNormalization", 23, "FF", importRMSNormalization},
  };
  return forms;
}
