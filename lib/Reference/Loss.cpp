// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cross entropy and the weighted mean.
#include "Models.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

template <typename Op> bool isIgnored(Op op, int64_t label) {
  return op.getIgnoreIndex() && static_cast<int64_t>(*op.getIgnoreIndex()) == label;
}

LogicalResult evaluateCrossEntropy(CrossEntropyOp op, Operands in, Results out) {
  int64_t rows = in[0]->shape[0], classes = in[0]->shape[1];
  for (int64_t row = 0; row < rows; ++row) {
    const double *x = &in[0]->floats[row * classes];
    double largest = x[0], sum = 0;
    for (int64_t c = 1; c < classes; ++c)
      largest = std::max(largest, x[c]);
    for (int64_t c = 0; c < classes; ++c)
      sum += std::exp(x[c] - largest);
    double lse = largest + std::log(sum);
    int64_t label = in[1]->integers[row];
    bool inside = label >= 0 && label < classes;
    out[0].floats[row] = isIgnored(op, label) ? 0.0 : inside ? lse - x[label] : std::nan("");
    out[1].floats[row] = lse;
  }
  return success();
}

LogicalResult evaluateCrossEntropyGrad(CrossEntropyGradOp op, Operands in, Results out) {
  int64_t rows = in[1]->shape[0], classes = in[1]->shape[1];
  for (int64_t row = 0; row < rows; ++row) {
    int64_t label = in[2]->integers[row];
    if (isIgnored(op, label))
      continue;
    double grad = in[0]->floats[row], lse = in[3]->floats[row];
    if (label < 0 || label >= classes)
      grad = std::nan("");
    for (int64_t c = 0; c < classes; ++c) {
      int64_t i = row * classes + c;
      out[0].floats[i] = grad * (std::exp(in[1]->floats[i] - lse) - (c == label));
    }
  }
  return success();
}

LogicalResult evaluateWeightedMean(WeightedMeanOp, Operands in, Results out) {
  double sum = 0, den = 0;
  for (size_t i = 0; i < in[0]->floats.size(); ++i) {
    sum += in[0]->floats[i] * in[1]->floats[i];
    den += in[1]->floats[i];
  }
  out[0].floats[0] = den == 0 ? 0 : sum / den;
  out[1].floats[0] = den;
  return success();
}

LogicalResult evaluateWeightedMeanGrad(WeightedMeanGradOp, Operands in, Results out) {
  double grad = in[0]->floats[0], den = in[2]->floats[0];
  for (size_t i = 0; i < out[0].floats.size(); ++i)
    out[0].floats[i] = den == 0 ? 0 : grad * in[1]->floats[i] / den;
  return success();
}

} // namespace

void reference::attachLoss(MLIRContext *context) {
  attachLocal<CrossEntropyOp, evaluateCrossEntropy>(context);
  attachLocal<CrossEntropyGradOp, evaluateCrossEntropyGrad>(context);
  attachLocal<WeightedMeanOp, evaluateWeightedMean>(context);
  attachLocal<WeightedMeanGradOp, evaluateWeightedMeanGrad>(context);
}
