// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations over rows, each row written as its formula.
#include "Models.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

// Calls f(first element, row length, row number).
template <typename F> LogicalResult forEachRow(const Tensor &tensor, F f) {
  int64_t width = tensor.shape.back();
  for (int64_t first = 0, e = tensor.size(); first < e; first += width)
    f(first, width, first / width);
  return success();
}

double rowMax(const double *x, int64_t n) {
  double largest = x[0];
  for (int64_t i = 1; i < n; ++i)
    if (x[i] > largest || std::isnan(x[i]))
      largest = x[i];
  return largest;
}

LogicalResult evaluateSoftmax(SoftmaxOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t) {
    const double *x = &in[0]->floats[first];
    double *y = &out[0].floats[first], largest = rowMax(x, n), sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += y[i] = std::exp(x[i] - largest);
    for (int64_t i = 0; i < n; ++i)
      y[i] /= sum;
  });
}

LogicalResult evaluateSoftmaxGrad(SoftmaxGradOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t) {
    const double *g = &in[0]->floats[first], *y = &in[1]->floats[first];
    double dot = 0;
    for (int64_t i = 0; i < n; ++i)
      dot += g[i] * y[i];
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[first + i] = y[i] * (g[i] - dot);
  });
}

LogicalResult evaluateLogSoftmax(LogSoftmaxOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t) {
    const double *x = &in[0]->floats[first];
    double largest = rowMax(x, n), sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += std::exp(x[i] - largest);
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[first + i] = x[i] - largest - std::log(sum);
  });
}

LogicalResult evaluateLogSoftmaxGrad(LogSoftmaxGradOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t) {
    const double *g = &in[0]->floats[first], *y = &in[1]->floats[first];
    double sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += g[i];
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[first + i] = g[i] - std::exp(y[i]) * sum;
  });
}

LogicalResult evaluateLayerNorm(LayerNormOp op, Operands in, Results out) {
  double epsilon = op.getEpsilon().convertToDouble();
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t row) {
    const double *x = &in[0]->floats[first];
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; ++i)
      mean += x[i];
    mean /= n;
    for (int64_t i = 0; i < n; ++i)
      variance += (x[i] - mean) * (x[i] - mean);
    double rstd = 1 / std::sqrt(variance / n + epsilon);
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[first + i] =
          (x[i] - mean) * rstd * in[1]->floats[i] + (op.getBias() ? in[2]->floats[i] : 0);
    out[1].floats[row] = mean;
    out[2].floats[row] = rstd;
  });
}

LogicalResult evaluateLayerNormDx(LayerNormDxOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t row) {
    const double *g = &in[0]->floats[first], *x = &in[1]->floats[first];
    const std::vector<double> &scale = in[2]->floats;
    double mean = in[3]->floats[row], rstd = in[4]->floats[row];
    double meanG = 0, meanGX = 0;
    for (int64_t i = 0; i < n; ++i) {
      meanG += g[i] * scale[i] / n;
      meanGX += g[i] * scale[i] * (x[i] - mean) * rstd / n;
    }
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[first + i] = rstd * (g[i] * scale[i] - meanG - (x[i] - mean) * rstd * meanGX);
  });
}

LogicalResult evaluateLayerNormDscale(LayerNormDscaleOp, Operands in, Results out) {
  return forEachRow(*in[0], [&](int64_t first, int64_t n, int64_t row) {
    for (int64_t i = 0; i < n; ++i)
      out[0].floats[i] += in[0]->floats[first + i] *
                          (in[1]->floats[first + i] - in[2]->floats[row]) * in[3]->floats[row];
  });
}

} // namespace

void reference::attachNormalization(MLIRContext *context) {
  attachLocal<SoftmaxOp, evaluateSoftmax>(context);
  attachLocal<SoftmaxGradOp, evaluateSoftmaxGrad>(context);
  attachLocal<LogSoftmaxOp, evaluateLogSoftmax>(context);
  attachLocal<LogSoftmaxGradOp, evaluateLogSoftmaxGrad>(context);
  attachLocal<LayerNormOp, evaluateLayerNorm>(context);
  attachLocal<LayerNormDxOp, evaluateLayerNormDx>(context);
  attachLocal<LayerNormDscaleOp, evaluateLayerNormDscale>(context);
}
