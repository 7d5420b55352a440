// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that move elements. Each one's derivative is another of them, or a
// sum where elements were repeated.
#include "Folding.h"
#include "Grad.h"
#include "Text.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

int64_t BroadcastOp::getFlops() { return 0; }
int64_t ReshapeOp::getFlops() { return 0; }
int64_t TransposeOp::getFlops() { return 0; }
int64_t SliceOp::getFlops() { return 0; }
int64_t PadOp::getFlops() { return 0; }
int64_t ConcatOp::getFlops() { return 0; }
KernelForm BroadcastOp::getKernelForm() { return KernelForm::Move; }
KernelForm ReshapeOp::getKernelForm() { return KernelForm::Move; }
KernelForm TransposeOp::getKernelForm() { return KernelForm::Move; }
KernelForm SliceOp::getKernelForm() { return KernelForm::Move; }
KernelForm PadOp::getKernelForm() { return KernelForm::Move; }
KernelForm ConcatOp::getKernelForm() { return KernelForm::Move; }

//===----------------------------------------------------------------------===//
// Broadcast
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = getTensorType(getOperand()), to = getType();
  ArrayRef<int64_t> dims = getDims();
  if (from.getElementType() != to.getElementType())
    return emitOpError("turns ") << from << " into " << to << ", expected equal element types";
  if (static_cast<int64_t>(dims.size()) != from.getRank())
    return emitOpError("has ") << dims.size() << " dims for an operand of " << from.getRank()
                               << " dimensions";
  int64_t previous = -1;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (dim <= previous || dim >= to.getRank())
      return emitOpError("has dims [")
             << join(dims) << "], expected increasing dimensions of a result of " << to.getRank()
             << " dimensions";
    previous = dim;
    int64_t extent = from.getDimSize(i);
    if (extent != 1 && extent != to.getDimSize(dim))
      return emitOpError("repeats dimension ")
             << i << " of extent " << extent << " to extent " << to.getDimSize(dim)
             << ", expected an equal one or a unit one";
  }
  return success();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  RankedTensorType from = getTensorType(getOperand());
  if (from == getType())
    return getOperand();
  SmallVector<int64_t> place, source;
  return foldMove(adaptor.getOperand(), getType(), [&](int64_t index) {
    delinearize(index, getType().getShape(), place);
    source.clear();
    for (auto [i, dim] : llvm::enumerate(getDims()))
      source.push_back(from.getDimSize(i) == 1 ? 0 : place[dim]);
    return linearize(source, from.getShape());
  });
}

namespace {
// broadcast(broadcast(x)) repeats x once.
struct MergeBroadcasts : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<BroadcastOp>();
    if (!inner)
      return failure();
    SmallVector<int64_t> dims;
    for (int64_t dim : inner.getDims())
      dims.push_back(op.getDims()[dim]);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getOperand(), dims);
    return success();
  }
};

// reshape(reshape(x)) is reshape(x): both only rename row-major positions.
struct MergeReshapes : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<ReshapeOp>();
    if (!inner)
      return failure();
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getOperand());
    return success();
  }
};

// transpose(transpose(x)) permutes once.
struct MergeTransposes : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getOperand().getDefiningOp<TransposeOp>();
    if (!inner)
      return failure();
    SmallVector<int64_t> perm;
    for (int64_t p : op.getPerm())
      perm.push_back(inner.getPerm()[p]);
    rewriter.replaceOpWithNewOp<TransposeOp>(op, inner.getOperand(), perm);
    return success();
  }
};

// A transpose that leaves the order of all dimensions longer than 1 alone moves
// nothing: it is a reshape, which is a view.
struct TransposeToReshape : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    RankedTensorType from = getTensorType(op.getOperand());
    int64_t previous = -1;
    for (int64_t p : op.getPerm()) {
      if (from.getDimSize(p) == 1)
        continue;
      if (p < previous)
        return failure();
      previous = p;
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getOperand());
    return success();
  }
};
} // namespace

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MergeBroadcasts>(context);
}

LogicalResult BroadcastOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  Location loc = getGradLoc(getLoc());
  RankedTensorType from = getTensorType(getOperand());
  SmallVector<int64_t> repeated;
  for (int64_t dim = 0; dim < getType().getRank(); ++dim) {
    const int64_t *kept = llvm::find(getDims(), dim);
    if (kept == getDims().end() ||
        from.getDimSize(kept - getDims().begin()) != getType().getDimSize(dim))
      repeated.push_back(dim);
  }
  operandGrads[0] = createReshape(builder, loc, createSum(builder, loc, resultGrads[0], repeated),
                                  from.getShape());
  return success();
}

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::verify() {
  RankedTensorType from = getTensorType(getOperand()), to = getType();
  if (from.getElementType() != to.getElementType() || from.getNumElements() != to.getNumElements())
    return emitOpError("turns ") << from << " (" << from.getNumElements() << " elements) into "
                                 << to << " (" << to.getNumElements()
                                 << " elements), expected as many elements of the same type";
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  // Not bounded by the byte limit: the constant is there already.
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getOperand()))
    return dense.reshape(getType());
  return {};
}

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MergeReshapes>(context);
}

LogicalResult ReshapeOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                       ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] = createReshape(builder, getGradLoc(getLoc()), resultGrads[0],
                                    getTensorType(getOperand()).getShape());
  return success();
}

//===----------------------------------------------------------------------===//
// Transpose
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType from = getTensorType(adaptor.getOperand());
  ArrayRef<int64_t> perm = adaptor.getPerm();
  if (static_cast<int64_t>(perm.size()) != from.getRank() || !isPermutationVector(perm))
    return emitOptionalError(location, "'nn.transpose' op has the permutation [", join(perm),
                             "], expected a permutation of ", from.getRank(), " dimensions");
  SmallVector<int64_t> shape;
  for (int64_t p : perm)
    shape.push_back(from.getDimSize(p));
  types.push_back(from.clone(shape));
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (isIdentityPermutation(getPerm()))
    return getOperand();
  RankedTensorType from = getTensorType(getOperand());
  SmallVector<int64_t> place, source(from.getRank());
  return foldMove(adaptor.getOperand(), getType(), [&](int64_t index) {
    delinearize(index, getType().getShape(), place);
    for (auto [i, p] : llvm::enumerate(getPerm()))
      source[p] = place[i];
    return linearize(source, from.getShape());
  });
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<MergeTransposes, TransposeToReshape>(context);
}

LogicalResult TransposeOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] = createTranspose(builder, getGradLoc(getLoc()), resultGrads[0],
                                      invertPermutation(getPerm()));
  return success();
}

//===----------------------------------------------------------------------===//
// Slice and pad, each the other's derivative
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                        ValueRange operands, DictionaryAttr attributes,
                                        OpaqueProperties properties, RegionRange regions,
                                        SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType from = getTensorType(adaptor.getOperand());
  size_t rank = from.getRank();
  ArrayRef<int64_t> starts = adaptor.getStarts(), limits = adaptor.getLimits(),
                    strides = adaptor.getStrides();
  if (starts.size() != rank || limits.size() != rank || strides.size() != rank)
    return emitOptionalError(location, "'nn.slice' op has ", starts.size(), " starts, ",
                             limits.size(), " limits and ", strides.size(), " strides for ", rank,
                             " dimensions");
  SmallVector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i) {
    if (starts[i] < 0 || limits[i] < starts[i] || limits[i] > from.getDimSize(i) || strides[i] < 1)
      return emitOptionalError(location, "'nn.slice' op takes elements ", starts[i], " to ",
                               limits[i], " step ", strides[i], " of dimension ", i, ", which has ",
                               from.getDimSize(i), " elements");
    shape.push_back(llvm::divideCeil(limits[i] - starts[i], strides[i]));
  }
  types.push_back(from.clone(shape));
  return success();
}

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  RankedTensorType from = getTensorType(getOperand());
  if (from == getType())
    return getOperand();
  SmallVector<int64_t> place;
  return foldMove(adaptor.getOperand(), getType(), [&](int64_t index) {
    delinearize(index, getType().getShape(), place);
    for (size_t i = 0; i < place.size(); ++i)
      place[i] = getStarts()[i] + place[i] * getStrides()[i];
    return linearize(place, from.getShape());
  });
}

LogicalResult SliceOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                     ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  RankedTensorType from = getTensorType(getOperand());
  SmallVector<int64_t> low(getStarts()), high, interior;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    int64_t count = getType().getDimSize(i), stride = getStrides()[i];
    int64_t covered = count == 0 ? 0 : (count - 1) * stride + 1;
    high.push_back(from.getDimSize(i) - low[i] - covered);
    interior.push_back(stride - 1);
  }
  operandGrads[0] = PadOp::create(builder, getGradLoc(getLoc()), resultGrads[0], low, high,
                                  interior, getScalarAttr(from.getElementType(), 0));
  return success();
}

LogicalResult PadOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                      ValueRange operands, DictionaryAttr attributes,
                                      OpaqueProperties properties, RegionRange regions,
                                      SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType from = getTensorType(adaptor.getOperand());
  size_t rank = from.getRank();
  ArrayRef<int64_t> low = adaptor.getLow(), high = adaptor.getHigh(),
                    interior = adaptor.getInterior();
  if (low.size() != rank || high.size() != rank || interior.size() != rank)
    return emitOptionalError(location, "'nn.pad' op has ", low.size(), " low, ", high.size(),
                             " high and ", interior.size(), " interior amounts for ", rank,
                             " dimensions");
  if (adaptor.getValue().getType() != from.getElementType())
    return emitOptionalError(location, "'nn.pad' op pads ", from, " with a value of type ",
                             adaptor.getValue().getType());
  SmallVector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i) {
    if (low[i] < 0 || high[i] < 0 || interior[i] < 0)
      return emitOptionalError(location, "'nn.pad' op pads dimension ", i, " by a negative amount");
    int64_t extent = from.getDimSize(i);
    shape.push_back(low[i] + high[i] + extent + std::max<int64_t>(extent - 1, 0) * interior[i]);
  }
  types.push_back(from.clone(shape));
  return success();
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  RankedTensorType from = getTensorType(getOperand());
  if (from == getType())
    return getOperand();
  if (from.getNumElements() == 0 && getType().getNumElements() != 0)
    return DenseElementsAttr::get(cast<ShapedType>(getType()), getValue());
  SmallVector<int64_t> place;
  return foldMove(
      adaptor.getOperand(), getType(),
      [&](int64_t index) -> int64_t {
        delinearize(index, getType().getShape(), place);
        for (size_t i = 0; i < place.size(); ++i) {
          int64_t offset = place[i] - getLow()[i], step = getInterior()[i] + 1;
          if (offset < 0 || offset % step != 0 || offset / step >= from.getDimSize(i))
            return -1;
          place[i] = offset / step;
        }
        return linearize(place, from.getShape());
      },
      getValue());
}

LogicalResult PadOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  RankedTensorType from = getTensorType(getOperand());
  SmallVector<int64_t> limits, strides;
  for (int64_t i = 0; i < from.getRank(); ++i) {
    int64_t count = from.getDimSize(i), stride = getInterior()[i] + 1;
    limits.push_back(getLow()[i] + (count == 0 ? 0 : (count - 1) * stride + 1));
    strides.push_back(stride);
  }
  operandGrads[0] =
      SliceOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getLow(), limits, strides);
  return success();
}

//===----------------------------------------------------------------------===//
// Concat
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  int64_t axis = adaptor.getAxis();
  if (operands.empty())
    return emitOptionalError(location, "'nn.concat' op has no operands");
  RankedTensorType first = getTensorType(operands[0]);
  if (axis < 0 || axis >= first.getRank())
    return emitOptionalError(location, "'nn.concat' op joins dimension ", axis, " of ",
                             first.getRank(), " dimensions");
  SmallVector<int64_t> shape(first.getShape());
  for (Value operand : operands.drop_front()) {
    RankedTensorType type = getTensorType(operand);
    SmallVector<int64_t> aligned(type.getShape());
    if (type.getRank() == first.getRank())
      aligned[axis] = first.getDimSize(axis);
    if (ArrayRef(aligned) != first.getShape() || type.getElementType() != first.getElementType())
      return emitOptionalError(location, "'nn.concat' op joins ", first, " and ", type,
                               ", which differ in more than dimension ", axis);
    shape[axis] += type.getDimSize(axis);
  }
  types.push_back(first.clone(shape));
  return success();
}

OpFoldResult ConcatOp::fold(FoldAdaptor adaptor) {
  if (getNumOperands() == 1)
    return getOperand(0);
  if (getType().getNumElements() == 0)
    return {};
  // Parts without elements add nothing.
  SmallVector<Value> filled = llvm::to_vector(llvm::make_filter_range(
      getOperands(), [](Value part) { return getElementCount(part) != 0; }));
  if (filled.size() < getNumOperands()) {
    if (filled.size() == 1)
      return filled.front();
    getOperandsMutable().assign(filled);
    return getResult();
  }
  if (!isFoldable(getType(), /*splat=*/false))
    return {};
  SmallVector<SmallVector<Attribute>> parts;
  for (Attribute operand : adaptor.getOperands()) {
    auto dense = dyn_cast_or_null<DenseElementsAttr>(operand);
    if (!dense)
      return {};
    parts.push_back(llvm::to_vector(dense.getValues<Attribute>()));
  }
  // Each part's slab of rows below the axis, for each index above it.
  int64_t outer = 1;
  for (int64_t extent : getType().getShape().take_front(getAxis()))
    outer *= extent;
  SmallVector<Attribute> values;
  for (int64_t i = 0; i < outer; ++i)
    for (ArrayRef<Attribute> part : parts) {
      int64_t slab = part.size() / outer;
      llvm::append_range(values, part.slice(i * slab, slab));
    }
  return DenseElementsAttr::get(cast<ShapedType>(getType()), values);
}

LogicalResult ConcatOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                      ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  int64_t rank = getType().getRank(), axis = getAxis();
  SmallVector<int64_t> starts(rank, 0), limits(getType().getShape()), strides(rank, 1);
  int64_t offset = 0;
  for (auto [i, operand] : llvm::enumerate(getOperands())) {
    starts[axis] = offset;
    offset += getTensorType(operand).getDimSize(axis);
    limits[axis] = offset;
    if (needed[i])
      operandGrads[i] =
          SliceOp::create(builder, getGradLoc(getLoc()), resultGrads[0], starts, limits, strides);
  }
  return success();
}
