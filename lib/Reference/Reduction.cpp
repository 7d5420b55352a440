// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions and running sums, in row-major order of the operand.
#include "Models.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

// The result's element that each element of the operand goes to, as strides of
// the operand's dimensions (0 for reduced ones).
SmallVector<int64_t> getTargetStrides(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
  SmallVector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i)
    if (!llvm::is_contained(axes, i)) {
      strides[i] = stride;
      stride *= shape[i];
    }
  return strides;
}

template <typename F> void forEachTarget(const Tensor &operand, ArrayRef<int64_t> axes, F f) {
  SmallVector<int64_t> strides = getTargetStrides(operand.shape, axes);
  forEachPlace(operand.shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t target = 0;
    for (size_t k = 0; k < place.size(); ++k)
      target += place[k] * strides[k];
    f(target, i);
  });
}

LogicalResult evaluateSum(ReduceSumOp op, Operands in, Results out) {
  forEachTarget(*in[0], op.getAxes(), [&](int64_t target, int64_t i) {
    if (out[0].isFloat())
      out[0].floats[target] += in[0]->floats[i];
    else
      out[0].integers[target] =
          static_cast<int64_t>(static_cast<uint64_t>(out[0].integers[target]) + in[0]->integers[i]);
  });
  return success();
}

LogicalResult evaluateMax(ReduceMaxOp op, Operands in, Results out) {
  llvm::fill(out[0].floats, -INFINITY);
  llvm::fill(out[0].integers, INT64_MIN);
  forEachTarget(*in[0], op.getAxes(), [&](int64_t target, int64_t i) {
    if (out[0].isFloat()) {
      double &largest = out[0].floats[target], x = in[0]->floats[i];
      if (x > largest || std::isnan(x) || (x == 0 && largest == 0 && !std::signbit(x)))
        largest = std::isnan(largest) ? largest : x;
    } else {
      out[0].integers[target] = std::max(out[0].integers[target], in[0]->integers[i]);
    }
  });
  return success();
}

template <typename Number>
void runSums(const std::vector<Number> &in, std::vector<Number> &out, int64_t extent, int64_t inner,
             bool exclusive, bool reverse) {
  for (size_t first = 0; first < in.size(); ++first) {
    if (static_cast<int64_t>(first) / inner % extent != 0)
      continue; // only where a line along the axis starts
    Number sum = 0;
    for (int64_t step = 0; step < extent; ++step) {
      size_t i = first + (reverse ? extent - 1 - step : step) * inner;
      Number next = sum + in[i];
      out[i] = exclusive ? sum : next;
      sum = next;
    }
  }
}

LogicalResult evaluateCumSum(CumSumOp op, Operands in, Results out) {
  int64_t axis = op.getAxis(), extent = in[0]->shape[axis];
  int64_t inner = getStrides(in[0]->shape)[axis];
  runSums(in[0]->floats, out[0].floats, extent, inner, op.getExclusive(), op.getReverse());
  runSums(in[0]->integers, out[0].integers, extent, inner, op.getExclusive(), op.getReverse());
  return success();
}

} // namespace

void reference::attachReduction(MLIRContext *context) {
  attachLocal<ReduceSumOp, evaluateSum>(context);
  attachLocal<ReduceMaxOp, evaluateMax>(context);
  attachLocal<CumSumOp, evaluateCumSum>(context);
}
