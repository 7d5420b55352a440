// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/NN/Builders.h"

using namespace mlir;
using namespace dpc;

RankedTensorType nn::getTensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

RankedTensorType nn::getStatisticsType(RankedTensorType of, ArrayRef<int64_t> shape) {
  Type element = of.getElementType();
  if (element.getIntOrFloatBitWidth() < 32)
    element = Float32Type::get(of.getContext());
  return RankedTensorType::get(shape, element);
}

TypedAttr nn::getScalarAttr(Type elementType, double value) {
  if (auto floatType = dyn_cast<FloatType>(elementType))
    return FloatAttr::get(floatType, value);
  auto intType = cast<IntegerType>(elementType);
  if (intType.getWidth() == 1)
    return IntegerAttr::get(intType, value != 0);
  return IntegerAttr::get(intType, APInt(intType.getWidth(), static_cast<int64_t>(value),
                                         /*isSigned=*/true, /*implicitTrunc=*/true));
}

Value nn::createSplat(OpBuilder &builder, Location loc, Type type, double value) {
  auto tensor = cast<RankedTensorType>(type);
  Attribute element = getScalarAttr(tensor.getElementType(), value);
  return ConstantOp::create(builder, loc, DenseElementsAttr::get(tensor, element));
}

Value nn::createI64s(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return ConstantOp::create(builder, loc, DenseElementsAttr::get(type, values));
}

Value nn::createReshape(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  RankedTensorType type = getTensorType(value);
  if (type.getShape() == shape)
    return value;
  return ReshapeOp::create(builder, loc, type.clone(shape), value);
}

Value nn::createTranspose(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> perm) {
  if (isIdentityPermutation(perm))
    return value;
  return TransposeOp::create(builder, loc, value, perm);
}

Value nn::broadcastAlong(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape,
                         ArrayRef<int64_t> dims) {
  RankedTensorType type = getTensorType(value);
  if (type.getShape() == shape)
    return value;
  return BroadcastOp::create(builder, loc, type.clone(shape), value, dims);
}

Value nn::broadcastTo(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> shape) {
  int64_t rank = getTensorType(value).getRank();
  int64_t skipped = static_cast<int64_t>(shape.size()) - rank;
  assert(skipped >= 0 && "a broadcast cannot drop dimensions");
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq(skipped, skipped + rank));
  return broadcastAlong(builder, loc, value, shape, dims);
}

Value nn::createCast(OpBuilder &builder, Location loc, Value value, Type elementType) {
  RankedTensorType type = getTensorType(value);
  if (type.getElementType() == elementType)
    return value;
  return CastOp::create(builder, loc, type.clone(elementType), value);
}

static bool isHalf(Type type) {
  auto element = dyn_cast<FloatType>(type);
  return element && element.getWidth() == 16;
}
bool nn::isHalf(Value value) { return ::isHalf(getTensorType(value).getElementType()); }

bool nn::isUnrounded(RankedTensorType wide, RankedTensorType narrow) {
  return wide.getElementType().isF32() && ::isHalf(narrow.getElementType()) &&
         wide == narrow.clone(wide.getElementType());
}

Value nn::widen(OpBuilder &builder, Location loc, Value value) {
  if (!isHalf(value))
    return {};
  return createCast(builder, loc, value, builder.getF32Type());
}

void nn::convertScalars(Operation *op, FloatType element) {
  for (NamedAttribute attribute : llvm::to_vector(op->getAttrs()))
    if (auto value = dyn_cast<FloatAttr>(attribute.getValue());
        value && value.getType() != element && !value.getType().isF64())
      op->setAttr(attribute.getName(), getScalarAttr(element, value.getValueAsDouble()));
}

Value nn::createSum(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> axes,
                    bool keepDims) {
  if (axes.empty())
    return value;
  SmallVector<int64_t> kept(getTensorType(value).getShape());
  Value sum = ReduceSumOp::create(builder, loc, value, axes);
  if (!keepDims)
    return sum;
  for (int64_t axis : axes)
    kept[axis] = 1;
  return createReshape(builder, loc, sum, kept);
}

bool nn::isIdentityPermutation(ArrayRef<int64_t> perm) {
  for (auto [i, p] : llvm::enumerate(perm))
    if (p != static_cast<int64_t>(i))
      return false;
  return true;
}

SmallVector<int64_t> nn::invertPermutation(ArrayRef<int64_t> perm) {
  SmallVector<int64_t> inverse(perm.size());
  for (auto [i, p] : llvm::enumerate(perm))
    inverse[p] = i;
  return inverse;
}

SmallVector<int64_t> nn::identityPermutation(int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

Location nn::getGradLoc(Location loc) {
  return NameLoc::get(StringAttr::get(loc.getContext(), "grad of"), loc);
}
