// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions. One over any dimensions becomes at most two that the emitter knows:
// over all trailing reduced dimensions (each row on its own), then over the
// leading ones (columns). Which ones is read off the shape, never off the kernel.
#include "LoweringModels.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

Value reduceAny(LinalgBuilder &b, Value input, ArrayRef<int64_t> axes, Combiner combiner) {
  RankedTensorType type = tensorType(input);
  // Unit dimensions are no work; dropping them first makes the forms regular.
  SmallVector<int64_t> squeezed, remaining, kept;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    bool reduced = llvm::is_contained(axes, i);
    if (reduced && type.getDimSize(i) != 1)
      remaining.push_back(squeezed.size());
    if (!reduced)
      kept.push_back(type.getDimSize(i));
    if (!reduced || type.getDimSize(i) != 1)
      squeezed.push_back(type.getDimSize(i));
  }
  if (remaining.size() < axes.size())
    input = b.reshape(input, squeezed);
  if (remaining.empty())
    return input;
  int64_t rank = squeezed.size(), trailing = 1;
  size_t count = 0;
  while (count < remaining.size() &&
         remaining[remaining.size() - 1 - count] == rank - 1 - static_cast<int64_t>(count))
    trailing *= squeezed[rank - 1 - count++];
  if (count > 0) {
    SmallVector<int64_t> shape(squeezed.begin(), squeezed.end() - count);
    shape.push_back(trailing);
    input = b.reduce(b.reshape(input, shape), {static_cast<int64_t>(shape.size()) - 1}, combiner);
    remaining.truncate(remaining.size() - count);
  }
  if (!remaining.empty())
    input = b.reduce(input, remaining, combiner);
  return b.reshape(input, kept);
}

Value reduceInComputeType(LinalgBuilder &b, Value input, ArrayRef<int64_t> axes,
                          Combiner combiner) {
  RankedTensorType type = tensorType(input);
  Type element = type.getElementType(), compute = computeType(element);
  if (element != compute)
    input = b.map(type.clone(compute), {input},
                  [&](B &inner, ValueRange v) { return convertFloat(inner, v[0], compute); });
  Value result = reduceAny(b, input, axes, combiner);
  if (element != compute)
    result = b.map(tensorType(result).clone(element), {result},
                   [&](B &inner, ValueRange v) { return convertFloat(inner, v[0], element); });
  return result;
}

template <typename OpTy, Combiner combiner>
struct Reduce : LinalgModel<Reduce<OpTy, combiner>, OpTy> {
  LogicalResult lower(OpTy op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    results.push_back(reduceInComputeType(b, operands[0], op.getAxes(), combiner));
    return success();
  }
};

} // namespace

Value reduceSum(LinalgBuilder &b, Value input, ArrayRef<int64_t> axes) {
  return reduceInComputeType(b, input, axes, Combiner::Add);
}

void attachReductionLowerings(MLIRContext *context) {
  nn::ReduceSumOp::attachInterface<Reduce<nn::ReduceSumOp, Combiner::Add>>(*context);
  nn::ReduceMaxOp::attachInterface<Reduce<nn::ReduceMaxOp, Combiner::Maximum>>(*context);
}

} // namespace dpc::codegen
