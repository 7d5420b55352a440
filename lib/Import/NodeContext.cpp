// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NodeContext.h"

using namespace mlir;
using namespace dpc::import;

InFlightDiagnostic NodeContext::error() {
  return emitError(b.getLoc()) << "node '" << node.name << "' (" << getOperatorName(node) << "): ";
}

SmallVector<Value> NodeContext::all() const {
  SmallVector<Value> values;
  for (const GraphValue &operand : operands)
    values.push_back(operand.tensor);
  return values;
}

LogicalResult NodeContext::set(unsigned i, Value value) {
  if (i < results.size())
    results[i].tensor = value;
  return success();
}

LogicalResult NodeContext::setSequence(unsigned i, ArrayRef<Value> values) {
  if (i < results.size())
    results[i].sequence = SmallVector<Value>(values);
  return success();
}

LogicalResult NodeContext::checkSize(Shape shape) {
  if (countElements(shape))
    return success();
  return error() << "its result " << toString(shape) << " has more than 2^40 elements";
}

LogicalResult NodeContext::checkBroadcast(Value a, Value b) {
  if (broadcastShapes(getShape(a), getShape(b)))
    return success();
  return error() << "shapes " << toString(getShape(a)) << " and " << toString(getShape(b))
                 << " do not broadcast";
}

LogicalResult NodeContext::checkSameType(Value a, Value b) {
  if (getElementType(a) == getElementType(b))
    return success();
  return error() << "element types " << getElementType(a) << " and " << getElementType(b)
                 << " differ";
}

FailureOr<int64_t> NodeContext::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return error() << "axis " << axis << " is not an axis of a tensor of rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> NodeContext::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normal = normalizeAxis(axis, rank);
    if (failed(normal))
      return failure();
    if (llvm::is_contained(result, *normal))
      return error() << "axis " << axis << " is given twice";
    result.push_back(*normal);
  }
  llvm::sort(result);
  return result;
}

InFlightDiagnostic NodeContext::unknown(unsigned i) {
  unknownOperand = i;
  return error();
}

FailureOr<SmallVector<int64_t>> NodeContext::getConstantInts(unsigned i, StringRef what) {
  if (auto ints = dpc::import::getConstantInts(in(i)))
    return *ints;
  return unknown(i) << "its " << what << " ('" << node.inputs[i]
                    << "') is not known when the model is compiled; dpc needs "
                       "static shapes";
}
