// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and running sums. Float sums are not folded: their order of
// addition belongs to the kernels.
#include "Folding.h"
#include "Grad.h"
#include "Text.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using llvm::APFloat;
using llvm::APInt;

//===----------------------------------------------------------------------===//
// reduce_sum, reduce_max
//===----------------------------------------------------------------------===//

static LogicalResult inferReduction(StringRef name, std::optional<Location> location,
                                    RankedTensorType from, ArrayRef<int64_t> axes,
                                    SmallVectorImpl<Type> &types) {
  int64_t previous = -1;
  for (int64_t axis : axes) {
    if (axis <= previous || axis >= from.getRank())
      return emitOptionalError(location, "'", name, "' op reduces dimensions [", join(axes),
                               "], expected ascending dimensions of ", from.getRank());
    previous = axis;
  }
  SmallVector<int64_t> shape;
  for (auto [i, extent] : llvm::enumerate(from.getShape()))
    if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
      shape.push_back(extent);
  types.push_back(from.clone(shape));
  return success();
}

LogicalResult ReduceSumOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferReduction(getOperationName(), location, getTensorType(operands[0]), adaptor.getAxes(),
                        types);
}

LogicalResult ReduceMaxOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType from = getTensorType(operands[0]);
  for (int64_t axis : adaptor.getAxes())
    if (axis >= 0 && axis < from.getRank() && from.getDimSize(axis) == 0)
      return emitOptionalError(location, "'nn.reduce_max' op reduces dimension ", axis,
                               ", which is empty: there is no largest element");
  return inferReduction(getOperationName(), location, from, adaptor.getAxes(), types);
}

Value ReduceSumOp::buildUnrounded(OpBuilder &builder) {
  Value wide = widen(builder, getLoc(), getOperand());
  return wide ? ReduceSumOp::create(builder, getLoc(), wide, getAxes()) : Value();
}

// Along rows, or over them: the last dimension says it, where reducing it is any work.
static KernelForm getReductionForm(RankedTensorType from, ArrayRef<int64_t> axes) {
  for (int64_t i = from.getRank(); i-- > 0;) {
    bool reduced = llvm::is_contained(axes, i);
    if (!reduced || from.getDimSize(i) != 1)
      return reduced ? KernelForm::Rows : KernelForm::Columns;
  }
  return KernelForm::Rows;
}

KernelForm ReduceSumOp::getKernelForm() {
  return getReductionForm(getTensorType(getOperand()), getAxes());
}
KernelForm ReduceMaxOp::getKernelForm() {
  return getReductionForm(getTensorType(getOperand()), getAxes());
}

// Dimensions of the operand that the result keeps, in order.
static SmallVector<int64_t> getKept(RankedTensorType from, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> kept;
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (!llvm::is_contained(axes, i))
      kept.push_back(i);
  return kept;
}

static OpFoldResult foldReduction(Value operand, Attribute constant, RankedTensorType resultType,
                                  ArrayRef<int64_t> axes,
                                  llvm::function_ref<Attribute(Attribute, Attribute)> combine) {
  RankedTensorType from = getTensorType(operand);
  if (axes.empty())
    return operand;
  auto dense = dyn_cast_or_null<DenseElementsAttr>(constant);
  // Read whole, so the operand is bounded as well as the result.
  if (!dense || dense.empty() || !isFoldable(from, /*splat=*/false))
    return {};
  SmallVector<int64_t> kept = getKept(from, axes), place, target(kept.size());
  SmallVector<Attribute> values(resultType.getNumElements());
  for (auto [index, value] : llvm::enumerate(dense.getValues<Attribute>())) {
    delinearize(index, from.getShape(), place);
    for (auto [t, k] : llvm::zip_equal(target, kept))
      t = place[k];
    Attribute &slot = values[linearize(target, resultType.getShape())];
    slot = slot ? combine(slot, value) : value;
    if (!slot)
      return {};
  }
  return DenseElementsAttr::get(cast<ShapedType>(resultType), values);
}

OpFoldResult ReduceSumOp::fold(FoldAdaptor adaptor) {
  // The sum of no terms.
  if (getElementCount(getOperand()) == 0 && getElementCount(getResult()) != 0)
    return DenseElementsAttr::get(cast<ShapedType>(getType()),
                                  cast<Attribute>(getScalarAttr(getType().getElementType(), 0)));
  return foldReduction(getOperand(), adaptor.getOperand(), getType(), getAxes(),
                       [](Attribute a, Attribute b) -> Attribute {
                         auto lhs = dyn_cast<IntegerAttr>(a);
                         if (!lhs)
                           return {};
                         return IntegerAttr::get(lhs.getType(),
                                                 lhs.getValue() + cast<IntegerAttr>(b).getValue());
                       });
}

OpFoldResult ReduceMaxOp::fold(FoldAdaptor adaptor) {
  return foldReduction(
      getOperand(), adaptor.getOperand(), getType(), getAxes(),
      [](Attribute a, Attribute b) -> Attribute {
        if (auto lhs = dyn_cast<FloatAttr>(a))
          return FloatAttr::get(lhs.getType(),
                                maximum(lhs.getValue(), cast<FloatAttr>(b).getValue()));
        return cast<IntegerAttr>(a).getValue().sgt(cast<IntegerAttr>(b).getValue()) ? a : b;
      });
}

LogicalResult ReduceSumOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  RankedTensorType from = getTensorType(getOperand());
  if (needed[0])
    operandGrads[0] = broadcastAlong(builder, getGradLoc(getLoc()), resultGrads[0], from.getShape(),
                                     getKept(from, getAxes()));
  return success();
}

LogicalResult ReduceMaxOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  Grad b(builder, *this);
  RankedTensorType from = getTensorType(getOperand());
  SmallVector<int64_t> kept = getKept(from, getAxes());
  auto repeat = [&](Value value) {
    return broadcastAlong(builder, b.loc, value, from.getShape(), kept);
  };
  // Where the element equals the maximum: its share of the gradient.
  Value largest = b.compare(Predicate::EQ, getOperand(), repeat(getResult()));
  Value count = createSum(builder, b.loc,
                          createCast(builder, b.loc, largest, from.getElementType()), getAxes());
  Value share = repeat(b.div(resultGrads[0], count));
  operandGrads[0] = b.select(largest, share, b.splat(share, 0));
  return success();
}

//===----------------------------------------------------------------------===//
// cumsum
//===----------------------------------------------------------------------===//

LogicalResult CumSumOp::verify() {
  int64_t axis = getAxis(), rank = getType().getRank();
  if (axis < 0 || axis >= rank)
    return emitOpError("sums along dimension ") << axis << " of " << rank << " dimensions";
  return success();
}

OpFoldResult CumSumOp::fold(FoldAdaptor adaptor) {
  std::optional<SmallVector<int64_t>> values;
  if (isFoldable(getType(), /*splat=*/false) && getType().getNumElements() != 0)
    values = getInts(adaptor.getOperand());
  if (!values)
    return {};
  int64_t extent = getType().getDimSize(getAxis()), inner = 1;
  for (int64_t size : getType().getShape().drop_front(getAxis() + 1))
    inner *= size;
  SmallVector<APInt> sums(values->size());
  unsigned width = getType().getElementTypeBitWidth();
  for (int64_t first = 0, e = values->size(); first < e; ++first) {
    if (first / inner % extent != 0)
      continue; // not the first element of a line
    APInt sum(width, 0);
    for (int64_t step = 0; step < extent; ++step) {
      int64_t position = getReverse() ? extent - 1 - step : step;
      int64_t index = first + position * inner;
      APInt value(width, (*values)[index], /*isSigned=*/true);
      if (!getExclusive())
        sum += value;
      sums[index] = sum;
      if (getExclusive())
        sum += value;
    }
  }
  return DenseElementsAttr::get(cast<ShapedType>(getType()), sums);
}

int64_t CumSumOp::getFlops() { return getElementCount(getResult()); }
KernelForm CumSumOp::getKernelForm() { return KernelForm::Loops; }

LogicalResult CumSumOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                      ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  // Element i was added to all later sums: a running sum from the other end.
  if (needed[0])
    operandGrads[0] = CumSumOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getAxis(),
                                       getExclusive(), !getReverse());
  return success();
}
