// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax and layer norm over rows. Their derivatives are operations of their
// own because written out they would read each row several times more.
#include "Grad.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

//===----------------------------------------------------------------------===//
// softmax, log_softmax
//===----------------------------------------------------------------------===//

static LogicalResult verifyRows(Operation *op) {
  RankedTensorType type = getTensorType(op->getResult(0));
  if (type.getRank() < 1 || type.getShape().back() == 0)
    return op->emitOpError("works on rows, but ") << type << " has none";
  return success();
}

LogicalResult SoftmaxOp::verify() { return verifyRows(*this); }
LogicalResult SoftmaxGradOp::verify() { return verifyRows(*this); }
LogicalResult LogSoftmaxOp::verify() { return verifyRows(*this); }
LogicalResult LogSoftmaxGradOp::verify() { return verifyRows(*this); }

// Maximum, subtraction, exp, sum, division.
int64_t SoftmaxOp::getFlops() { return 14 * getElementCount(getResult()); }
int64_t LogSoftmaxOp::getFlops() { return 14 * getElementCount(getResult()); }
int64_t SoftmaxGradOp::getFlops() { return 4 * getElementCount(getResult()); }
int64_t LogSoftmaxGradOp::getFlops() { return 13 * getElementCount(getResult()); }
KernelForm SoftmaxOp::getKernelForm() { return KernelForm::Rows; }
KernelForm LogSoftmaxOp::getKernelForm() { return KernelForm::Rows; }
KernelForm SoftmaxGradOp::getKernelForm() { return KernelForm::Rows; }
KernelForm LogSoftmaxGradOp::getKernelForm() { return KernelForm::Rows; }

LogicalResult SoftmaxOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                       ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] =
        SoftmaxGradOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getResult());
  return success();
}

LogicalResult LogSoftmaxOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                          ArrayRef<bool> needed,
                                          MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] =
        LogSoftmaxGradOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getResult());
  return success();
}

//===----------------------------------------------------------------------===//
// layer_norm
//===----------------------------------------------------------------------===//

// Mean and rstd: a value per row.
static RankedTensorType getRowStatistics(RankedTensorType rows) {
  return getStatisticsType(rows, rows.getShape().drop_back());
}

static LogicalResult checkRowVector(StringRef name, std::optional<Location> location,
                                    StringRef what, Type type, RankedTensorType rows) {
  RankedTensorType expected = rows.clone(rows.getShape().take_back());
  if (type == expected || type == expected.clone(getRowStatistics(rows).getElementType()))
    return success();
  return emitOptionalError(location, "'", name, "' op has a ", what, " of type ", type,
                           " for rows of ", rows, ", expected ",
                           rows.clone(rows.getShape().take_back()));
}

LogicalResult LayerNormOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                            ValueRange operands, DictionaryAttr attributes,
                                            OpaqueProperties properties, RegionRange regions,
                                            SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType rows = getTensorType(adaptor.getOperand());
  if (rows.getRank() < 1 || rows.getShape().back() == 0)
    return emitOptionalError(location, "'nn.layer_norm' op works on rows, but ", rows, " has none");
  if (failed(checkRowVector(getOperationName(), location, "scale", adaptor.getScale().getType(),
                            rows)))
    return failure();
  if (adaptor.getBias() && failed(checkRowVector(getOperationName(), location, "bias",
                                                 adaptor.getBias().getType(), rows)))
    return failure();
  types.push_back(rows);
  types.append(2, getRowStatistics(rows));
  return success();
}

static LogicalResult verifyStatistics(Operation *op, RankedTensorType rows, Type statistics) {
  if (rows.getRank() < 1)
    return op->emitOpError("works on rows, but ") << rows << " has none";
  if (statistics != getRowStatistics(rows))
    return op->emitOpError("has mean and rstd of type ")
           << statistics << ", expected " << getRowStatistics(rows);
  return success();
}

LogicalResult LayerNormDxOp::verify() {
  RankedTensorType rows = getType();
  if (failed(verifyStatistics(*this, rows, getMean().getType())))
    return failure();
  return checkRowVector(getOperationName(), getLoc(), "scale", getScale().getType(), rows);
}

LogicalResult LayerNormDscaleOp::verify() {
  RankedTensorType rows = getTensorType(getOperand());
  if (failed(verifyStatistics(*this, rows, getMean().getType())))
    return failure();
  return checkRowVector(getOperationName(), getLoc(), "result", getType(), rows);
}

int64_t LayerNormOp::getFlops() { return 8 * getElementCount(getOperand()); }
int64_t LayerNormDxOp::getFlops() { return 9 * getElementCount(getResult()); }
int64_t LayerNormDscaleOp::getFlops() { return 4 * getElementCount(getOperand()); }
KernelForm LayerNormOp::getKernelForm() { return KernelForm::Rows; }
KernelForm LayerNormDxOp::getKernelForm() { return KernelForm::Rows; }
KernelForm LayerNormDscaleOp::getKernelForm() { return KernelForm::Columns; }

LogicalResult LayerNormOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  RankedTensorType rows = getTensorType(getOperand());
  if (Value g = resultGrads[0]) {
    if (needed[0])
      operandGrads[0] = LayerNormDxOp::create(builder, b.loc, rows, g, getOperand(), getScale(),
                                              getMean(), getRstd());
    if (needed[1])
      operandGrads[1] = LayerNormDscaleOp::create(builder, b.loc, getScale().getType(), g,
                                                  getOperand(), getMean(), getRstd());
    if (getBias() && needed[2])
      operandGrads[2] = createSum(
          builder, b.loc, createCast(builder, b.loc, g, getTensorType(getBias()).getElementType()),
          identityPermutation(rows.getRank() - 1));
  }
  // Someone used the statistics themselves.
  auto addRows = [&](Value perRow) {
    Value cast = createCast(builder, b.loc, perRow, rows.getElementType());
    b.accumulate(operandGrads[0], b.alongRows(cast, rows.getShape()));
  };
  double count = rows.getShape().back();
  if (needed[0] && resultGrads[1]) // d mean / dx = 1 / n
    addRows(b.scale(resultGrads[1], 1 / count));
  if (needed[0] && resultGrads[2]) {
    // d rstd / dx = -rstd^3 (x - mean) / n
    Type statistic = getTensorType(getMean()).getElementType();
    Value x = createCast(builder, b.loc, getOperand(), statistic);
    Value factor =
        b.mul(b.scale(resultGrads[2], -1 / count), b.mul(getRstd(), b.mul(getRstd(), getRstd())));
    Value centred = b.sub(x, b.alongRows(getMean(), rows.getShape()));
    Value grad = b.mul(b.alongRows(factor, rows.getShape()), centred);
    b.accumulate(operandGrads[0], createCast(builder, b.loc, grad, rows.getElementType()));
  }
  return success();
}
