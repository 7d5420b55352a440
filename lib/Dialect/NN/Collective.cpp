// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Collectives over an axis of the mesh. Their derivatives follow from one
// convention: the loss is the sum of the losses of all members, so the gradient
// of what a member sent is the sum of the gradients at all who received it.
#include "Grad.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

static LogicalResult verifyGroup(Operation *op, StringRef group) {
  if (llvm::is_contained({"ep", "tp", "dp"}, group))
    return success();
  return op->emitOpError("communicates over '")
         << group << "', expected one of the mesh axes ep, tp, dp";
}

static LogicalResult verifyAxis(Operation *op, StringRef name, int64_t axis,
                                RankedTensorType type) {
  if (axis >= 0 && axis < type.getRank())
    return success();
  return op->emitOpError() << name << " dimension " << axis << " of " << type.getRank()
                           << " dimensions";
}

// `whole` is `part` with extent n times larger along `axis`, n being the group's
// size where the module says it.
static LogicalResult verifyParts(Operation *op, StringRef group, int64_t axis,
                                 RankedTensorType part, RankedTensorType whole) {
  SmallVector<int64_t> shape(part.getShape());
  bool fits = part.getRank() == whole.getRank() && part.getElementType() == whole.getElementType();
  if (fits) {
    std::optional<int64_t> members = getMeshSize(op, group);
    if (members)
      shape[axis] *= *members;
    else if (shape[axis] != 0 && whole.getDimSize(axis) % shape[axis] == 0)
      shape[axis] = whole.getDimSize(axis);
    fits = ArrayRef(shape) == whole.getShape();
  }
  if (fits)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("relates the part ")
                                  << part << " to the whole " << whole << " along dimension "
                                  << axis;
  if (std::optional<int64_t> members = getMeshSize(op, group))
    diagnostic << ", but '" << group << "' has " << *members << " members";
  return diagnostic;
}

LogicalResult AllToAllOp::verify() {
  RankedTensorType from = getTensorType(getOperand());
  RankedTensorType to = getTensorType(getResult());
  int64_t split = getSplitAxis(), concat = getConcatAxis();
  if (failed(verifyGroup(*this, getGroup())) || failed(verifyAxis(*this, "splits", split, from)) ||
      failed(verifyAxis(*this, "joins", concat, from)))
    return failure();
  std::optional<int64_t> members = getMeshSize(*this, getGroup());
  if (!members && split != concat && from.getRank() == to.getRank() && to.getDimSize(split) != 0)
    members = from.getDimSize(split) / to.getDimSize(split);
  // A split along the joined dimension leaves the shape alone.
  int64_t n = members.value_or(1);
  SmallVector<int64_t> shape(from.getShape());
  bool divides = n > 0 && shape[split] % n == 0;
  if (divides) {
    shape[split] /= n;
    shape[concat] *= n;
  }
  if (!divides || ArrayRef(shape) != to.getShape() || from.getElementType() != to.getElementType())
    return emitOpError("exchanges ")
           << from << " into " << to << ", which no division of dimension " << split
           << " among the members of '" << getGroup() << "' gives";
  return success();
}

LogicalResult AllGatherOp::verify() {
  RankedTensorType from = getTensorType(getOperand());
  if (failed(verifyGroup(*this, getGroup())) || failed(verifyAxis(*this, "joins", getAxis(), from)))
    return failure();
  return verifyParts(*this, getGroup(), getAxis(), from, getTensorType(getResult()));
}

LogicalResult ReduceScatterOp::verify() {
  RankedTensorType from = getTensorType(getOperand());
  if (failed(verifyGroup(*this, getGroup())) ||
      failed(verifyAxis(*this, "splits", getAxis(), from)))
    return failure();
  return verifyParts(*this, getGroup(), getAxis(), getTensorType(getResult()), from);
}

LogicalResult AllReduceOp::verify() { return verifyGroup(*this, getGroup()); }

int64_t AllToAllOp::getFlops() { return 0; }
int64_t AllGatherOp::getFlops() { return 0; }
int64_t ReduceScatterOp::getFlops() { return getElementCount(getOperand()); }
int64_t AllReduceOp::getFlops() {
  // Each member adds what the others send: (n - 1) additions per element.
  int64_t members = getMeshSize(*this, getGroup()).value_or(2);
  return (members - 1) * getElementCount(getOperand());
}

LogicalResult AllToAllOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                        ArrayRef<bool> needed,
                                        MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] =
        AllToAllOp::create(builder, getGradLoc(getLoc()), getOperand().getType(), resultGrads[0],
                           getGroup(), getConcatAxis(), getSplitAxis());
  return success();
}

LogicalResult AllGatherOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] = ReduceScatterOp::create(builder, getGradLoc(getLoc()), getOperand().getType(),
                                              resultGrads[0], getGroup(), getAxis());
  return success();
}

LogicalResult ReduceScatterOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                             ArrayRef<bool> needed,
                                             MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] = AllGatherOp::create(builder, getGradLoc(getLoc()), getOperand().getType(),
                                          resultGrads[0], getGroup(), getAxis());
  return success();
}

LogicalResult AllReduceOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                         ArrayRef<bool> needed,
                                         MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] =
        AllReduceOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getGroup());
  return success();
}
