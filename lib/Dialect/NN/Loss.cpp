// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What losses are made of.
#include "Grad.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

//===----------------------------------------------------------------------===//
// cross_entropy
//===----------------------------------------------------------------------===//

static LogicalResult checkCrossEntropy(StringRef name, std::optional<Location> location,
                                       RankedTensorType logits, RankedTensorType labels) {
  if (logits.getRank() == 2 && labels.getRank() == 1 &&
      logits.getDimSize(0) == labels.getDimSize(0) && logits.getDimSize(1) > 0)
    return success();
  return emitOptionalError(location, "'", name, "' op has logits ", logits, " and labels ", labels,
                           ", expected logits [N, C] and labels [N]");
}

// A value per row of logits, f32 at least.
static RankedTensorType getRowType(RankedTensorType logits) {
  return getStatisticsType(logits, logits.getShape().take_front());
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *context,
                                               std::optional<Location> location,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  RankedTensorType logits = getTensorType(operands[0]);
  if (failed(checkCrossEntropy(getOperationName(), location, logits, getTensorType(operands[1]))))
    return failure();
  types.append(2, getRowType(logits));
  return success();
}

LogicalResult CrossEntropyGradOp::verify() {
  RankedTensorType logits = getTensorType(getLogits());
  if (failed(checkCrossEntropy(getOperationName(), getLoc(), logits, getTensorType(getLabels()))))
    return failure();
  Type expected = getRowType(logits);
  if (getGrad().getType() != expected)
    return emitOpError("has a gradient of type ")
           << getGrad().getType() << ", expected " << expected;
  return success();
}

int64_t CrossEntropyOp::getFlops() { return 13 * getElementCount(getLogits()); }
int64_t CrossEntropyGradOp::getFlops() { return 12 * getElementCount(getLogits()); }
KernelForm CrossEntropyOp::getKernelForm() { return KernelForm::Rows; }
KernelForm CrossEntropyGradOp::getKernelForm() { return KernelForm::Map; }

LogicalResult CrossEntropyOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                            ArrayRef<bool> needed,
                                            MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  Grad b(builder, *this);
  RankedTensorType logits = getTensorType(getLogits());
  if (Value g = resultGrads[0])
    operandGrads[0] = CrossEntropyGradOp::create(builder, b.loc, g, getLogits(), getLabels(),
                                                 getLse(), getIgnoreIndexAttr());
  if (Value g = resultGrads[1]) {
    // d lse / d logits = softmax
    Type wide = getTensorType(getLse()).getElementType();
    Value x = createCast(builder, b.loc, getLogits(), wide);
    Value softmax = b.exp(b.sub(x, b.alongRows(getLse(), logits.getShape())));
    Value grad = b.mul(b.alongRows(g, logits.getShape()), softmax);
    b.accumulate(operandGrads[0], createCast(builder, b.loc, grad, logits.getElementType()));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// weighted_mean
//===----------------------------------------------------------------------===//

LogicalResult WeightedMeanOp::inferReturnTypes(MLIRContext *context,
                                               std::optional<Location> location,
                                               ValueRange operands, DictionaryAttr attributes,
                                               OpaqueProperties properties, RegionRange regions,
                                               SmallVectorImpl<Type> &types) {
  RankedTensorType values = getTensorType(operands[0]);
  if (values.getRank() != 1)
    return emitOptionalError(location, "'nn.weighted_mean' op averages ", values,
                             ", expected values [N]");
  types.append(2, values.clone(ArrayRef<int64_t>{}));
  return success();
}

LogicalResult WeightedMeanGradOp::inferReturnTypes(MLIRContext *context,
                                                   std::optional<Location> location,
                                                   ValueRange operands, DictionaryAttr attributes,
                                                   OpaqueProperties properties, RegionRange regions,
                                                   SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType weights = getTensorType(adaptor.getWeights());
  if (weights.getRank() != 1 || adaptor.getGrad().getType() != weights.clone(ArrayRef<int64_t>{}))
    return emitOptionalError(location, "'nn.weighted_mean_grad' op has weights ", weights,
                             " and a gradient of type ", adaptor.getGrad().getType(),
                             ", expected weights [N] and a scalar");
  types.push_back(weights);
  return success();
}

int64_t WeightedMeanOp::getFlops() { return 3 * getElementCount(getValues()); }
int64_t WeightedMeanGradOp::getFlops() { return 2 * getElementCount(getWeights()); }
KernelForm WeightedMeanOp::getKernelForm() { return KernelForm::Rows; }
KernelForm WeightedMeanGradOp::getKernelForm() { return KernelForm::Map; }

LogicalResult WeightedMeanOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                            ArrayRef<bool> needed,
                                            MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  ArrayRef<int64_t> shape = getTensorType(getValues()).getShape();
  auto repeat = [&](Value scalar) { return broadcastTo(builder, b.loc, scalar, shape); };
  if (Value g = resultGrads[0]) {
    if (needed[0])
      operandGrads[0] = WeightedMeanGradOp::create(builder, b.loc, g, getWeights(), getDen());
    if (needed[1]) {
      // d result / d w_i = (v_i - result) / den, 0 where den is 0.
      Value ones = b.splat(getWeights(), 1);
      Value perWeight = WeightedMeanGradOp::create(builder, b.loc, g, ones, getDen());
      operandGrads[1] = b.mul(perWeight, b.sub(getValues(), repeat(getResult())));
    }
  }
  if (needed[1] && resultGrads[1]) // d den / d w_i = 1
    b.accumulate(operandGrads[1], repeat(resultGrads[1]));
  return success();
}

int64_t CrossEntropyOp::getIndexLimit(unsigned operand) {
  return operand == 1 ? getLogits().getType().getShape().back() : 0;
}
