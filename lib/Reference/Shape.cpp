// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that move elements: each is a map from a place of the result to a
// place of an operand, or outside.
#include "Models.h"

#include <optional>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

void copyElement(const Tensor &from, int64_t source, Tensor &to, int64_t target) {
  if (to.isFloat())
    to.floats[target] = from.floats[source];
  else
    to.integers[target] = from.integers[source];
}

LogicalResult evaluateBroadcast(BroadcastOp op, Operands in, Results out) {
  SmallVector<int64_t> strides = getStrides(in[0]->shape);
  forEachPlace(out[0].shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t source = 0;
    for (auto [k, dim] : llvm::enumerate(op.getDims()))
      if (in[0]->shape[k] != 1)
        source += place[dim] * strides[k];
    copyElement(*in[0], source, out[0], i);
  });
  return success();
}

LogicalResult evaluateReshape(ReshapeOp, Operands in, Results out) {
  out[0].floats = in[0]->floats;
  out[0].integers = in[0]->integers;
  return success();
}

LogicalResult evaluateTranspose(TransposeOp op, Operands in, Results out) {
  SmallVector<int64_t> strides = getStrides(in[0]->shape);
  forEachPlace(out[0].shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t source = 0;
    for (auto [k, p] : llvm::enumerate(op.getPerm()))
      source += place[k] * strides[p];
    copyElement(*in[0], source, out[0], i);
  });
  return success();
}

LogicalResult evaluateSlice(SliceOp op, Operands in, Results out) {
  SmallVector<int64_t> strides = getStrides(in[0]->shape);
  forEachPlace(out[0].shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t source = 0;
    for (size_t k = 0; k < place.size(); ++k)
      source += (op.getStarts()[k] + place[k] * op.getStrides()[k]) * strides[k];
    copyElement(*in[0], source, out[0], i);
  });
  return success();
}

LogicalResult evaluatePad(PadOp op, Operands in, Results out) {
  auto elementType = cast<RankedTensorType>(op.getType().clone(ArrayRef<int64_t>{}));
  Tensor value = Tensor::fromAttribute(DenseElementsAttr::get(elementType, op.getValue()));
  for (int64_t i = 0, e = out[0].size(); i < e; ++i)
    copyElement(value, 0, out[0], i);
  SmallVector<int64_t> strides = getStrides(out[0].shape);
  forEachPlace(in[0]->shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t target = 0;
    for (size_t k = 0; k < place.size(); ++k)
      target += (op.getLow()[k] + place[k] * (op.getInterior()[k] + 1)) * strides[k];
    copyElement(*in[0], i, out[0], target);
  });
  return success();
}

LogicalResult evaluateConcat(ConcatOp op, Operands in, Results out) {
  SmallVector<int64_t> strides = getStrides(out[0].shape);
  int64_t offset = 0, axis = op.getAxis();
  for (const TensorPtr &operand : in) {
    forEachPlace(operand->shape, [&](ArrayRef<int64_t> place, int64_t i) {
      int64_t target = offset * strides[axis];
      for (size_t k = 0; k < place.size(); ++k)
        target += place[k] * strides[k];
      copyElement(*operand, i, out[0], target);
    });
    offset += operand->shape[axis];
  }
  return success();
}

} // namespace

void reference::attachShape(MLIRContext *context) {
  attachLocal<BroadcastOp, evaluateBroadcast>(context);
  attachLocal<ReshapeOp, evaluateReshape>(context);
  attachLocal<TransposeOp, evaluateTranspose>(context);
  attachLocal<SliceOp, evaluateSlice>(context);
  attachLocal<PadOp, evaluatePad>(context);
  attachLocal<ConcatOp, evaluateConcat>(context);
}
