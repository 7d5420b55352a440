// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emitter.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

bool dpc::import::isFloat(Value value) { return isa<FloatType>(getElementType(value)); }

std::optional<int64_t> dpc::import::countElements(Shape shape) {
  constexpr int64_t most = int64_t(1) << 40;
  int64_t count = 1;
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0 || extent > most || (extent && count > most / extent))
      return std::nullopt;
    if (extent == 0)
      empty = true;
    else
      count *= extent;
  }
  return empty ? 0 : count;
}

std::optional<SmallVector<int64_t>> dpc::import::broadcastShapes(Shape a, Shape b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1)
      return std::nullopt;
    shape[shape.size() - 1 - i] = x == 1 ? y : x;
  }
  if (!countElements(shape))
    return std::nullopt;
  return shape;
}

std::string dpc::import::toString(Shape shape) {
  if (shape.empty())
    return "scalar";
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

DenseElementsAttr dpc::import::getConstant(Value value) {
  auto op = value ? value.getDefiningOp<nn::ConstantOp>() : nullptr;
  return op ? dyn_cast<DenseElementsAttr>(op.getValue()) : DenseElementsAttr();
}

std::optional<SmallVector<int64_t>> dpc::import::getConstantInts(Value value) {
  DenseElementsAttr attr = getConstant(value);
  if (!attr || !isa<IntegerType>(attr.getElementType()) || attr.getNumElements() > 1 << 20)
    return std::nullopt;
  SmallVector<int64_t> ints;
  for (const APInt &element : attr.getValues<APInt>())
    ints.push_back(attr.getElementType().isInteger(1) ? element.getZExtValue()
                                                      : element.getSExtValue());
  return ints;
}

std::optional<double> dpc::import::getConstantNumber(Value value) {
  DenseElementsAttr attr = getConstant(value);
  if (!attr || attr.empty() || !attr.isSplat())
    return std::nullopt;
  if (isa<FloatType>(attr.getElementType())) {
    APFloat number = attr.getSplatValue<APFloat>();
    bool inexact;
    number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &inexact);
    return number.convertToDouble();
  }
  return static_cast<double>(attr.getSplatValue<APInt>().getSExtValue());
}

static TypedAttr getNumberAttr(Type type, double value) {
  if (auto floatType = dyn_cast<FloatType>(type))
    return FloatAttr::get(floatType, value);
  auto intType = cast<IntegerType>(type);
  return IntegerAttr::get(intType, APInt(intType.getWidth(), static_cast<int64_t>(value), true,
                                         /*implicitTrunc=*/true));
}

Value Emitter::constant(DenseElementsAttr value) {
  return nn::ConstantOp::create(builder, loc, value.getType(), value);
}

Value Emitter::splat(Type type, double value) {
  auto tensor = mlir::cast<RankedTensorType>(type);
  Attribute element = getNumberAttr(tensor.getElementType(), value);
  return constant(DenseElementsAttr::get(tensor, element));
}

Value Emitter::ints(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return constant(DenseElementsAttr::get(type, values));
}

Value Emitter::iota(RankedTensorType type, int64_t axis) { return make<nn::IotaOp>(type, axis); }

void Emitter::unify(Value &a, Value &b) {
  auto shape = broadcastShapes(getShape(a), getShape(b));
  assert(shape && "shapes do not broadcast");
  a = broadcast(a, *shape);
  b = broadcast(b, *shape);
}

Value Emitter::compare(nn::Predicate predicate, Value a, Value b) {
  unify(a, b);
  return make<nn::CompareOp>(getTensorType(a).clone(builder.getI1Type()), predicate, a, b);
}

Value Emitter::select(Value condition, Value a, Value b) {
  unify(a, b);
  unify(condition, a);
  unify(condition, b);
  return make<nn::SelectOp>(a.getType(), condition, a, b);
}

Value Emitter::cast(Value x, Type elementType) {
  if (getElementType(x) == elementType)
    return x;
  return make<nn::CastOp>(getTensorType(x).clone(elementType), x);
}

Value Emitter::reshape(Value x, Shape shape) {
  if (getShape(x) == shape)
    return x;
  // A view of a view is a view of the original.
  if (auto view = x.getDefiningOp<nn::ReshapeOp>())
    return reshape(view.getOperand(), shape);
  return make<nn::ReshapeOp>(getTensorType(x).clone(shape), x);
}

Value Emitter::transpose(Value x, ArrayRef<int64_t> perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return x;
  SmallVector<int64_t> shape;
  for (int64_t p : perm)
    shape.push_back(getShape(x)[p]);
  return make<nn::TransposeOp>(getTensorType(x).clone(shape), x, perm);
}

Value Emitter::broadcast(Value x, Shape shape) {
  int64_t rank = getRank(x), skipped = shape.size() - rank;
  return broadcast(x, shape, llvm::to_vector(llvm::seq<int64_t>(skipped, skipped + rank)));
}

Value Emitter::broadcast(Value x, Shape shape, ArrayRef<int64_t> dims) {
  if (getShape(x) == shape)
    return x;
  // Only unit dimensions are new: the same elements, a view.
  if (*countElements(shape) == *countElements(getShape(x)))
    return reshape(x, shape);
  return make<nn::BroadcastOp>(getTensorType(x).clone(shape), x, dims);
}

Value Emitter::slice(Value x, Shape starts, Shape limits, Shape strides) {
  SmallVector<int64_t> shape;
  for (auto [start, limit, stride] : llvm::zip_equal(starts, limits, strides))
    shape.push_back(limit <= start ? 0 : (limit - start + stride - 1) / stride);
  if (getShape(x) == Shape(shape))
    return x;
  return make<nn::SliceOp>(getTensorType(x).clone(shape), x, starts, limits, strides);
}

Value Emitter::slice(Value x, int64_t axis, int64_t start, int64_t limit) {
  SmallVector<int64_t> starts(getRank(x), 0), limits(getShape(x)), strides(getRank(x), 1);
  starts[axis] = start;
  limits[axis] = limit;
  return slice(x, starts, limits, strides);
}

Value Emitter::concat(ArrayRef<Value> values, int64_t axis) {
  SmallVector<int64_t> shape(getShape(values.front()));
  shape[axis] = 0;
  for (Value value : values)
    shape[axis] += getShape(value)[axis];
  // Parts without elements (a cache of no past tokens) add nothing.
  SmallVector<Value> filled;
  for (Value value : values)
    if (getShape(value)[axis] != 0)
      filled.push_back(value);
  values = filled.empty() ? values.take_front() : ArrayRef(filled);
  if (values.size() == 1)
    return values.front();
  return make<nn::ConcatOp>(getTensorType(values.front()).clone(shape), ValueRange(values), axis);
}

Value Emitter::moveToEnd(Value x, int64_t axis) {
  SmallVector<int64_t> perm;
  for (int64_t i = 0; i < getRank(x); ++i)
    if (i != axis)
      perm.push_back(i);
  perm.push_back(axis);
  return transpose(x, perm);
}

Value Emitter::moveFromEnd(Value x, int64_t axis) {
  int64_t last = getRank(x) - 1;
  SmallVector<int64_t> perm;
  for (int64_t i = 0; i <= last; ++i)
    perm.push_back(i == axis ? last : i - (i > axis));
  return transpose(x, perm);
}

template <typename OpTy> static Value reduce(Emitter &b, Value x, Shape axes, bool keep) {
  if (axes.empty())
    return x;
  SmallVector<int64_t> dropped, kept;
  for (auto [i, extent] : llvm::enumerate(getShape(x))) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(i));
    if (!reduced)
      dropped.push_back(extent);
    kept.push_back(reduced ? 1 : extent);
  }
  Value result = b.make<OpTy>(getTensorType(x).clone(Shape(dropped)), x, axes);
  return keep ? b.reshape(result, kept) : result;
}

Value Emitter::reduceSum(Value x, Shape axes, bool keep) {
  return reduce<nn::ReduceSumOp>(*this, x, axes, keep);
}

Value Emitter::reduceMax(Value x, Shape axes, bool keep) {
  return reduce<nn::ReduceMaxOp>(*this, x, axes, keep);
}

Value Emitter::matmul(Value x, Value y) {
  SmallVector<int64_t> xs(getShape(x)), ys(getShape(y));
  // Vectors become matrices with a unit dimension, dropped again at the end.
  bool rowVector = xs.size() == 1, columnVector = ys.size() == 1;
  if (rowVector)
    x = reshape(x, xs = {1, xs[0]});
  if (columnVector)
    y = reshape(y, ys = {ys[0], 1});
  int64_t m = xs[xs.size() - 2], k = xs.back(), n = ys.back();
  Shape xb = Shape(xs).drop_back(2), yb = Shape(ys).drop_back(2);
  SmallVector<int64_t> batch = *broadcastShapes(xb, yb), shape(batch);
  shape.append({m, n});
  auto product = [&](Value a, Value b, Shape to) {
    return make<nn::MatmulOp>(getTensorType(a).clone(to), a, b, DenseI64ArrayAttr(),
                              DenseI64ArrayAttr(), DenseI64ArrayAttr());
  };
  Value result;
  if (*countElements(yb) == 1 && !xb.empty()) {
    // One right side for all rows: a single product of two matrices.
    int64_t rows = *countElements(xb) * m;
    result = reshape(product(reshape(x, {rows, k}), reshape(y, {k, n}), {rows, n}), shape);
  } else {
    auto expand = [&](Value v, Shape own, int64_t rows, int64_t columns) {
      if (Shape(batch).empty() || own == Shape(batch))
        return v;
      SmallVector<int64_t> to(batch);
      to.append({rows, columns});
      return broadcast(v, to);
    };
    result = product(expand(x, xb, m, k), expand(y, yb, k, n), shape);
  }
  if (rowVector)
    shape.erase(shape.end() - 2);
  if (columnVector)
    shape.pop_back();
  return reshape(result, shape);
}

Value Emitter::wrapIndices(Value indices, int64_t extent) {
  auto type = getTensorType(indices);
  if (std::optional<SmallVector<int64_t>> values = getConstantInts(indices))
    if (llvm::all_of(*values, [](int64_t value) { return value >= 0; }))
      return indices;
  Value negative = compare(nn::Predicate::LT, indices, splat(type, 0));
  return select(negative, binary<nn::AddOp>(indices, double(extent)), indices);
}
