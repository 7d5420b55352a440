// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that read at indices. Indices may be negative in ONNX, never in nn:
// they are made non-negative here, at import where they are constants.
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static LogicalResult importGather(NodeContext &node) {
  Emitter &b = node.b;
  Value table = node.in(0), indices = node.in(1);
  auto axis = node.normalizeAxis(node.getInt("axis", 0), getRank(table));
  if (failed(axis))
    return failure();
  Shape from = getShape(table);
  SmallVector<int64_t> shape(from.take_front(*axis));
  llvm::append_range(shape, getShape(indices));
  llvm::append_range(shape, from.drop_front(*axis + 1));
  if (failed(node.checkSize(shape)))
    return failure();
  if (from[*axis] == 0 && countElements(shape) != 0)
    return node.error() << "reads dimension " << *axis << " of " << toString(from)
                        << ", which has no elements";
  indices = b.wrapIndices(indices, from[*axis]);
  // One constant index is a slice, whose derivative needs no scatter.
  auto known = dpc::import::getConstantInts(indices);
  if (known && known->size() == 1) {
    int64_t at = known->front();
    if (at < 0 || at >= from[*axis])
      return node.error() << "index " << at << " is outside dimension " << *axis << " of "
                          << toString(from);
    return node.set(0, b.reshape(b.slice(table, *axis, at, at + 1), shape));
  }
  return node.set(0,
                  b.make<nn::GatherOp>(getTensorType(table).clone(shape), table, indices, *axis));
}

static LogicalResult importGatherElements(NodeContext &node) {
  Emitter &b = node.b;
  Value table = node.in(0), indices = node.in(1);
  auto axis = node.normalizeAxis(node.getInt("axis", 0), getRank(table));
  if (failed(axis))
    return failure();
  Shape from = getShape(table), to = getShape(indices);
  bool fits = from.size() == to.size();
  for (size_t i = 0; fits && i < to.size(); ++i)
    fits = static_cast<int64_t>(i) == *axis || to[i] <= from[i];
  if (!fits)
    return node.error() << "cannot read " << toString(from) << " at indices of shape "
                        << toString(to);
  // Dimensions other than the axis must agree.
  SmallVector<int64_t> cut(to);
  cut[*axis] = from[*axis];
  table = b.slice(table, SmallVector<int64_t>(from.size(), 0), cut,
                  SmallVector<int64_t>(from.size(), 1));
  indices = b.wrapIndices(indices, from[*axis]);
  return node.set(
      0, b.make<nn::GatherElementsOp>(getTensorType(table).clone(to), table, indices, *axis));
}

static LogicalResult importGatherND(NodeContext &node) {
  Emitter &b = node.b;
  Value table = node.in(0), indices = node.in(1);
  int64_t batch = node.getInt("batch_dims", 0);
  Shape from = getShape(table), tuples = getShape(indices);
  int64_t count = tuples.empty() ? 0 : tuples.back();
  if (tuples.empty() || batch < 0 ||
      batch >= static_cast<int64_t>(std::min(from.size(), tuples.size())) ||
      count > static_cast<int64_t>(from.size()) - batch ||
      from.take_front(batch) != tuples.take_front(batch))
    return node.error() << "cannot read " << toString(from) << " at index tuples of shape "
                        << toString(tuples) << " with batch_dims " << batch;
  SmallVector<int64_t> shape(tuples.drop_back());
  llvm::append_range(shape, from.drop_front(batch + count));
  if (failed(node.checkSize(shape)))
    return failure();
  auto type = getTensorType(indices);
  auto known = dpc::import::getConstantInts(indices);
  if (!known || llvm::any_of(*known, [](int64_t i) { return i < 0; })) {
    Value extents = b.cast(b.ints(from.slice(batch, count)), type.getElementType());
    Value negative = b.compare(nn::Predicate::LT, indices, b.splat(type, 0));
    indices = b.select(negative, b.binary<nn::AddOp>(indices, extents), indices);
  }
  return node.set(0,
                  b.make<nn::GatherNdOp>(getTensorType(table).clone(shape), table, indices, batch));
}

static LogicalResult importTopK(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  auto given = node.getConstantInts(1, "k");
  if (failed(given))
    return failure();
  auto axis = node.normalizeAxis(node.getInt("axis", -1), getRank(x));
  if (failed(axis))
    return failure();
  int64_t extent = getShape(x)[*axis];
  if (given->size() != 1 || given->front() < 1 || given->front() > extent)
    return node.error() << "k must be between 1 and " << extent;
  x = b.moveToEnd(x, *axis);
  SmallVector<int64_t> shape(getShape(x));
  shape.back() = given->front();
  OpBuilder &builder = b.getBuilder();
  auto op = nn::TopKOp::create(builder, b.getLoc(), getTensorType(x).clone(Shape(shape)),
                               RankedTensorType::get(shape, builder.getI64Type()), x,
                               builder.getI64IntegerAttr(given->front()),
                               node.getInt("largest", 1) ? UnitAttr() : builder.getUnitAttr());
  (void)node.set(0, b.moveFromEnd(op.getValues(), *axis));
  return node.set(1, b.moveFromEnd(op.getIndices(), *axis));
}

// The first of several largest is the top one. The last is the first one counted from the
// end.
template <bool smallest> static LogicalResult importArg(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  auto axis = node.normalizeAxis(node.getInt("axis", 0), getRank(x));
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(getShape(x));
  int64_t extent = shape[*axis];
  if (extent == 0)
    return node.error() << "dimension " << *axis << " of " << toString(shape)
                        << " has no elements, none of which is the "
                        << (smallest ? "least" : "largest");
  bool fromEnd = node.getInt("select_last_index", 0);
  x = b.moveToEnd(x, *axis);
  if (fromEnd) {
    SmallVector<int64_t> descending(extent);
    for (int64_t i = 0; i < extent; ++i)
      descending[i] = extent - 1 - i;
    x = b.make<nn::GatherOp>(getTensorType(x), x, b.ints(descending), getRank(x) - 1);
  }
  SmallVector<int64_t> narrow(getShape(x));
  narrow.back() = 1;
  OpBuilder &builder = b.getBuilder();
  auto op = nn::TopKOp::create(builder, b.getLoc(), getTensorType(x).clone(Shape(narrow)),
                               RankedTensorType::get(narrow, builder.getI64Type()), x,
                               builder.getI64IntegerAttr(1),
                               smallest ? builder.getUnitAttr() : UnitAttr());
  Value place = b.moveFromEnd(op.getIndices(), *axis);
  if (fromEnd)
    place = b.binary<nn::SubOp>(b.splat(place.getType(), extent - 1), place);
  if (!node.getInt("keepdims", 1)) {
    shape.erase(shape.begin() + *axis);
    place = b.reshape(place, shape);
  }
  return node.set(0, place);
}

// off + (on - off) * [index == class], as a choice.
static LogicalResult importOneHot(NodeContext &node) {
  Emitter &b = node.b;
  Value indices = node.in(0);
  auto depth = node.getConstantInts(1, "depth");
  if (failed(depth))
    return failure();
  if (depth->size() != 1 || depth->front() < 1)
    return node.error() << "depth must be one positive number";
  int64_t rank = getRank(indices) + 1;
  auto axis = node.normalizeAxis(node.getInt("axis", -1), rank);
  if (failed(axis))
    return failure();
  if (getShape(node.in(2)) != Shape({2}))
    return node.error() << "values must be [off, on]";
  SmallVector<int64_t> shape(getShape(indices)), narrow(shape);
  shape.insert(shape.begin() + *axis, depth->front());
  narrow.insert(narrow.begin() + *axis, 1);
  if (failed(node.checkSize(shape)))
    return failure();
  auto type = getTensorType(indices).clone(Shape(shape));
  indices = b.broadcast(b.reshape(b.wrapIndices(indices, depth->front()), narrow), shape);
  Value hot = b.compare(nn::Predicate::EQ, indices, b.iota(type, *axis));
  Value off = b.reshape(b.slice(node.in(2), 0, 0, 1), {});
  Value on = b.reshape(b.slice(node.in(2), 0, 1, 2), {});
  return node.set(0, b.select(hot, on, off));
}

ArrayRef<OperatorForm> dpc::import::getIndexingOperators() {
  static const OperatorForm forms[] = {
      {"Gather", 1, "TI", importGather},
      {"GatherElements", 11, "TI", importGatherElements},
      {"GatherND", 11, "TI", importGatherND},
      {"OneHot", 9, "IIT", importOneHot},
      {"TopK", 11, "NI", importTopK},
      {"ArgMax", 1, "N", importArg</*smallest=*/false>},
      {"ArgMin", 1, "N", importArg</*smallest=*/true>},
  };
  return forms;
}
