// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions. One rule says which operand, weight and result belong together; the
// forward operation infers its result by it, its derivatives are checked against it.
#include "Grad.h"
#include "Text.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

int64_t Convolution::getFlops() const {
  int64_t flops = 2 * batch * outputChannels * (inputChannels / groups);
  for (size_t i = 0; i < kernel.size(); ++i)
    flops *= output[i] * kernel[i];
  return flops;
}

namespace {

struct Window {
  ArrayRef<int64_t> strides, dilations, low, high;
  int64_t groups;
};

// The elements that a window spans are counted in 32 bits, so that nothing computed
// of them overflows.
constexpr int64_t kLargest = std::numeric_limits<int32_t>::max();

template <typename Op> Window getWindow(Op op) {
  return {op.getStrides(), op.getDilations(), op.getLow(), op.getHigh(),
          static_cast<int64_t>(op.getGroups())};
}

LogicalResult checkWindow(StringRef name, std::optional<Location> location, int64_t spatial,
                          const Window &window) {
  struct Numbers {
    StringRef what;
    ArrayRef<int64_t> values;
    int64_t least;
  };
  for (auto [what, values, least] :
       {Numbers{"strides", window.strides, 1}, Numbers{"dilations", window.dilations, 1},
        Numbers{"low padding", window.low, 0}, Numbers{"high padding", window.high, 0}}) {
    if (static_cast<int64_t>(values.size()) != spatial)
      return emitOptionalError(location, "'", name, "' op has ", what, " for ", values.size(),
                               " dimensions, but ", spatial, " spatial ones");
    for (int64_t value : values)
      if (value < least || value > kLargest)
        return emitOptionalError(location, "'", name, "' op has the ", what, " [", join(values),
                                 "], expected numbers from ", least, " to ", kLargest);
  }
  return success();
}

// How many places a window has in one dimension; an error if none.
FailureOr<int64_t> countPlaces(StringRef name, std::optional<Location> location, int64_t extent,
                               int64_t kernel, const Window &window, int64_t dimension) {
  if (kernel < 1 || kernel > kLargest || (kernel - 1) * window.dilations[dimension] + 1 > kLargest)
    return emitOptionalError(location, "'", name, "' op has a window of ", kernel,
                             " elements in spatial dimension ", dimension,
                             ", expected one of 1 to ", kLargest, " with what lies between them");
  int64_t span = (kernel - 1) * window.dilations[dimension] + 1;
  int64_t low = window.low[dimension], high = window.high[dimension];
  if (low >= span || high >= span)
    return emitOptionalError(location, "'", name, "' op pads spatial dimension ", dimension, " by ",
                             low, " and ", high, ", expected less than the ", span,
                             " elements that its window spans");
  if (extent + low + high < span)
    return emitOptionalError(location, "'", name, "' op slides a window of ", span,
                             " elements over ", extent, " with ", low + high,
                             " of padding in spatial dimension ", dimension);
  return (extent + low + high - span) / window.strides[dimension] + 1;
}

// The shape of the convolution of `operand` with `weight`.
LogicalResult inferShape(StringRef name, std::optional<Location> location, RankedTensorType operand,
                         RankedTensorType weight, const Window &window,
                         SmallVectorImpl<int64_t> &shape) {
  int64_t rank = operand.getRank();
  if (rank < 3 || rank > 4 || weight.getRank() != rank)
    return emitOptionalError(location, "'", name, "' op convolves ", operand, " with ", weight,
                             ", expected two tensors of rank 3 or of rank 4");
  if (operand.getElementType() != weight.getElementType())
    return emitOptionalError(location, "'", name, "' op convolves ", operand, " with ", weight,
                             ", expected equal element types");
  if (failed(checkWindow(name, location, rank - 2, window)))
    return failure();
  int64_t inputs = operand.getDimSize(1), outputs = weight.getDimSize(0);
  if (window.groups < 1 || inputs % window.groups != 0 || outputs % window.groups != 0)
    return emitOptionalError(location, "'", name, "' op divides ", inputs, " input and ", outputs,
                             " output channels into ", window.groups, " groups");
  if (weight.getDimSize(1) != inputs / window.groups)
    return emitOptionalError(location, "'", name, "' op has ", inputs, " input channels in ",
                             window.groups, " groups, but a weight for ", weight.getDimSize(1),
                             " channels of each, expected ", inputs / window.groups);
  shape.assign({operand.getDimSize(0), outputs});
  for (int64_t i = 0; i < rank - 2; ++i) {
    FailureOr<int64_t> places =
        countPlaces(name, location, operand.getDimSize(i + 2), weight.getDimSize(i + 2), window, i);
    if (failed(places))
      return failure();
    shape.push_back(*places);
  }
  return success();
}

// The operation with another result type.
template <typename Op> Value buildUnroundedConvolution(Op op, OpBuilder &builder) {
  if (op.getType().getElementTypeBitWidth() != 16)
    return {};
  Operation *copy = builder.clone(*op.getOperation());
  copy->getResult(0).setType(op.getType().clone(builder.getF32Type()));
  return copy->getResult(0);
}

// Whether `result` is what the convolution of `operand` with `weight` gives.
LogicalResult verifyResult(Operation *op, RankedTensorType operand, RankedTensorType weight,
                           RankedTensorType grad, const Window &window) {
  SmallVector<int64_t> shape;
  if (failed(
          inferShape(op->getName().getStringRef(), op->getLoc(), operand, weight, window, shape)))
    return failure();
  if (grad != operand.clone(shape))
    return op->emitOpError("has a gradient of type ")
           << grad << ", but the convolution gives " << operand.clone(shape);
  return success();
}

Convolution describe(Value operand, Value weight, Value result, const Window &window) {
  ArrayRef<int64_t> x = getTensorType(operand).getShape(), w = getTensorType(weight).getShape(),
                    y = getTensorType(result).getShape();
  Convolution convolution;
  convolution.batch = x[0];
  convolution.inputChannels = x[1];
  convolution.outputChannels = y[1];
  convolution.groups = window.groups;
  convolution.input.assign(x.begin() + 2, x.end());
  convolution.kernel.assign(w.begin() + 2, w.end());
  convolution.output.assign(y.begin() + 2, y.end());
  convolution.strides.assign(window.strides.begin(), window.strides.end());
  convolution.dilations.assign(window.dilations.begin(), window.dilations.end());
  convolution.low.assign(window.low.begin(), window.low.end());
  convolution.high.assign(window.high.begin(), window.high.end());
  return convolution;
}

// A sum of no terms, where an operand has no elements.
OpFoldResult foldEmpty(Value a, Value b, Value result, Value accumulator = {}) {
  if ((getElementCount(a) && getElementCount(b)) || !getElementCount(result))
    return {};
  if (accumulator)
    return accumulator;
  RankedTensorType type = getTensorType(result);
  return DenseElementsAttr::get(type, cast<Attribute>(getScalarAttr(type.getElementType(), 0)));
}

} // namespace

//===----------------------------------------------------------------------===//
// conv
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType operand = getTensorType(adaptor.getOperand());
  SmallVector<int64_t> shape;
  if (failed(inferShape(getOperationName(), location, operand, getTensorType(adaptor.getWeight()),
                        getWindow(adaptor), shape)))
    return failure();
  types.push_back(operand.clone(shape));
  return success();
}

bool ConvOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  auto type = cast<RankedTensorType>(inferred.front());
  auto as = dyn_cast<RankedTensorType>(actual.front());
  return as && (as == type || isUnrounded(as, type));
}
Value ConvOp::buildUnrounded(OpBuilder &builder) {
  return buildUnroundedConvolution(*this, builder);
}

Convolution ConvOp::getConvolution() {
  return describe(getOperand(), getWeight(), getResult(), getWindow(*this));
}
int64_t ConvOp::getFlops() { return getConvolution().getFlops(); }
OpFoldResult ConvOp::fold(FoldAdaptor) { return foldEmpty(getOperand(), getWeight(), getResult()); }

LogicalResult ConvOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                    ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  if (needed[0])
    operandGrads[0] =
        ConvInputGradOp::create(builder, b.loc, getOperand().getType(), resultGrads[0], getWeight(),
                                getStrides(), getDilations(), getLow(), getHigh(), getGroups());
  if (needed[1])
    operandGrads[1] = ConvWeightGradOp::create(
        builder, b.loc, getWeight().getType(), getOperand(), resultGrads[0],
        /*accumulator=*/Value(), getStrides(), getDilations(), getLow(), getHigh(), getGroups());
  return success();
}

//===----------------------------------------------------------------------===//
// conv_input_grad
//===----------------------------------------------------------------------===//

LogicalResult ConvInputGradOp::verify() {
  RankedTensorType weight = getTensorType(getWeight());
  RankedTensorType type = getType().clone(weight.getElementType());
  if (getType() != type && !isUnrounded(getType(), type))
    return emitOpError("has a result of type ")
           << getType() << ", but a weight of " << weight.getElementType();
  return verifyResult(*this, type, weight, getTensorType(getGrad()), getWindow(*this));
}
Value ConvInputGradOp::buildUnrounded(OpBuilder &builder) {
  return buildUnroundedConvolution(*this, builder);
}
Convolution ConvInputGradOp::getConvolution() {
  return describe(getResult(), getWeight(), getGrad(), getWindow(*this));
}
int64_t ConvInputGradOp::getFlops() { return getConvolution().getFlops(); }
OpFoldResult ConvInputGradOp::fold(FoldAdaptor) {
  return foldEmpty(getGrad(), getWeight(), getResult());
}

//===----------------------------------------------------------------------===//
// conv_weight_grad
//===----------------------------------------------------------------------===//

LogicalResult ConvWeightGradOp::verify() {
  if (Value accumulator = getAccumulator(); accumulator && accumulator.getType() != getType())
    return emitOpError() << "adds its result of type " << getType() << " to "
                         << accumulator.getType();
  RankedTensorType operand = getTensorType(getOperand());
  RankedTensorType type = getType().clone(operand.getElementType());
  if (getType() != type && !isUnrounded(getType(), type))
    return emitOpError("has a result of type ")
           << getType() << ", but an operand of " << operand.getElementType();
  return verifyResult(*this, operand, type, getTensorType(getGrad()), getWindow(*this));
}
Value ConvWeightGradOp::buildUnrounded(OpBuilder &builder) {
  return getAccumulator() ? Value() : buildUnroundedConvolution(*this, builder);
}
Convolution ConvWeightGradOp::getConvolution() {
  return describe(getOperand(), getResult(), getGrad(), getWindow(*this));
}
int64_t ConvWeightGradOp::getFlops() { return getConvolution().getFlops(); }
OpFoldResult ConvWeightGradOp::fold(FoldAdaptor) {
  return foldEmpty(getOperand(), getGrad(), getResult(), getAccumulator());
}

//===----------------------------------------------------------------------===//
// As kernels and as library calls
//===----------------------------------------------------------------------===//

KernelForm ConvOp::getKernelForm() { return KernelForm::Loops; }
KernelForm ConvInputGradOp::getKernelForm() { return KernelForm::Loops; }
KernelForm ConvWeightGradOp::getKernelForm() { return KernelForm::Loops; }

static library::FunctionAttrInterface describe(MLIRContext *context, library::ConvolutionKind kind,
                                               const Convolution &c, bool accumulate) {
  return cast<library::FunctionAttrInterface>(Attribute(library::ConvolutionAttr::get(
      context, kind, c.batch, c.groups, c.inputChannels, c.outputChannels, c.input, c.kernel,
      c.strides, c.dilations, c.low, c.high, accumulate)));
}

SmallVector<Value> ConvOp::getLibrarySources() { return {getOperand(), getWeight()}; }
library::FunctionAttrInterface ConvOp::describeCall() {
  return describe(getContext(), library::ConvolutionKind::Forward, getConvolution(), false);
}

SmallVector<Value> ConvInputGradOp::getLibrarySources() { return {getGrad(), getWeight()}; }
library::FunctionAttrInterface ConvInputGradOp::describeCall() {
  return describe(getContext(), library::ConvolutionKind::InputGrad, getConvolution(), false);
}

SmallVector<Value> ConvWeightGradOp::getLibrarySources() { return {getOperand(), getGrad()}; }
bool ConvWeightGradOp::canAccumulate() { return true; }
void ConvWeightGradOp::setAccumulator(Value accumulator) {
  getAccumulatorMutable().assign(accumulator);
}
library::FunctionAttrInterface ConvWeightGradOp::describeCall() {
  return describe(getContext(), library::ConvolutionKind::WeightGrad, getConvolution(),
                  (bool)getAccumulator());
}
