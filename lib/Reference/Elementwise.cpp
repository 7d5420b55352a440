// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations on doubles and int64_ts.
#include "Models.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

template <typename Op, double (*f)(double)> LogicalResult unary(Op, Operands in, Results out) {
  for (size_t i = 0; i < in[0]->floats.size(); ++i)
    out[0].floats[i] = f(in[0]->floats[i]);
  return success();
}

template <typename Op, double (*f)(double), int64_t (*n)(int64_t)>
LogicalResult unaryNumber(Op op, Operands in, Results out) {
  if (in[0]->isFloat())
    return unary<Op, f>(op, in, out);
  for (size_t i = 0; i < in[0]->integers.size(); ++i)
    out[0].integers[i] = n(in[0]->integers[i]);
  return success();
}

template <typename Op, double (*f)(double, double)>
LogicalResult binary(Op, Operands in, Results out) {
  for (size_t i = 0; i < in[0]->floats.size(); ++i)
    out[0].floats[i] = f(in[0]->floats[i], in[1]->floats[i]);
  return success();
}

template <typename Op, int64_t (*n)(int64_t, int64_t)>
LogicalResult binaryInteger(Op, Operands in, Results out) {
  for (size_t i = 0; i < in[0]->integers.size(); ++i)
    out[0].integers[i] = n(in[0]->integers[i], in[1]->integers[i]);
  return success();
}

template <typename Op, double (*f)(double, double), int64_t (*n)(int64_t, int64_t)>
LogicalResult binaryNumber(Op op, Operands in, Results out) {
  return in[0]->isFloat() ? binary<Op, f>(op, in, out) : binaryInteger<Op, n>(op, in, out);
}

// Integers wrap around: computed as unsigned.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

double negF(double x) { return -x; }
int64_t negI(int64_t x) { return wrap(-static_cast<uint64_t>(x)); }
double absF(double x) { return std::fabs(x); }
int64_t absI(int64_t x) { return x < 0 ? negI(x) : x; }
double signF(double x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }
int64_t signI(int64_t x) { return (x > 0) - (x < 0); }
double floorF(double x) { return std::floor(x); }
double ceilF(double x) { return std::ceil(x); }
double expF(double x) { return std::exp(x); }
double logF(double x) { return std::log(x); }
double sqrtF(double x) { return std::sqrt(x); }
double reciprocalF(double x) { return 1 / x; }
double tanhF(double x) { return std::tanh(x); }
double erfF(double x) { return std::erf(x); }
double sigmoidF(double x) { return 1 / (1 + std::exp(-x)); }
double reluF(double x) { return x > 0 || std::isnan(x) ? x : 0.0; }
double sinF(double x) { return std::sin(x); }
double cosF(double x) { return std::cos(x); }

double addF(double a, double b) { return a + b; }
int64_t addI(int64_t a, int64_t b) { return wrap(uint64_t(a) + uint64_t(b)); }
double subF(double a, double b) { return a - b; }
int64_t subI(int64_t a, int64_t b) { return wrap(uint64_t(a) - uint64_t(b)); }
double mulF(double a, double b) { return a * b; }
int64_t mulI(int64_t a, int64_t b) { return wrap(uint64_t(a) * uint64_t(b)); }
double divF(double a, double b) { return a / b; }
double powF(double a, double b) { return std::pow(a, b); }
// IEEE 754-2019 maximum and minimum: NaN wins, and -0 is below +0.
double maxF(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  return a == b ? (std::signbit(a) ? b : a) : a > b ? a : b;
}
int64_t maxI(int64_t a, int64_t b) { return a > b ? a : b; }
double minF(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return a + b;
  return a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
}
int64_t minI(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t andI(int64_t a, int64_t b) { return a & b; }
int64_t orI(int64_t a, int64_t b) { return a | b; }
int64_t xorI(int64_t a, int64_t b) { return a ^ b; }

LogicalResult evaluateDiv(DivOp op, Operands in, Results out) {
  if (in[0]->isFloat())
    return binary<DivOp, divF>(op, in, out);
  for (size_t i = 0; i < in[0]->integers.size(); ++i) {
    int64_t a = in[0]->integers[i], b = in[1]->integers[i];
    if (b == 0)
      return op.emitOpError("divides the integer ") << a << " by 0";
    out[0].integers[i] = b == -1 ? negI(a) : a / b;
  }
  return success();
}

template <typename Number> bool holds(Predicate predicate, Number a, Number b) {
  switch (predicate) {
  case Predicate::EQ:
    return a == b;
  case Predicate::NE:
    return a != b;
  case Predicate::LT:
    return a < b;
  case Predicate::LE:
    return a <= b;
  case Predicate::GT:
    return a > b;
  case Predicate::GE:
    return a >= b;
  }
  llvm_unreachable("unknown predicate");
}

LogicalResult evaluateCompare(CompareOp op, Operands in, Results out) {
  for (size_t i = 0; i < out[0].integers.size(); ++i)
    out[0].integers[i] = in[0]->isFloat()
                             ? holds(op.getPredicate(), in[0]->floats[i], in[1]->floats[i])
                             : holds(op.getPredicate(), in[0]->integers[i], in[1]->integers[i]);
  return success();
}

LogicalResult evaluateIsNan(IsNanOp, Operands in, Results out) {
  for (size_t i = 0; i < out[0].integers.size(); ++i)
    out[0].integers[i] = std::isnan(in[0]->floats[i]);
  return success();
}

LogicalResult evaluateNot(NotOp, Operands in, Results out) {
  for (size_t i = 0; i < out[0].integers.size(); ++i)
    out[0].integers[i] = !in[0]->integers[i];
  return success();
}

LogicalResult evaluateSelect(SelectOp, Operands in, Results out) {
  for (size_t i = 0; i < in[0]->integers.size(); ++i) {
    const Tensor &chosen = in[0]->integers[i] ? *in[1] : *in[2];
    if (out[0].isFloat())
      out[0].floats[i] = chosen.floats[i];
    else
      out[0].integers[i] = chosen.integers[i];
  }
  return success();
}

// A float without an integer (NaN, too large) has no defined value: the nearest
// is taken, so that evaluation itself is defined.
int64_t truncate(double x) {
  if (std::isnan(x))
    return 0;
  if (x >= 9223372036854775808.0)
    return INT64_MAX;
  if (x < -9223372036854775808.0)
    return INT64_MIN;
  return static_cast<int64_t>(x);
}

LogicalResult evaluateCast(CastOp op, Operands in, Results out) {
  bool toBool = getElementTypeOrSelf(op.getType()).isInteger(1);
  for (int64_t i = 0, e = in[0]->size(); i < e; ++i) {
    if (out[0].isFloat())
      out[0].floats[i] = in[0]->at(i);
    else if (toBool)
      out[0].integers[i] = in[0]->isFloat() ? in[0]->floats[i] != 0 : in[0]->integers[i] != 0;
    else
      out[0].integers[i] = in[0]->isFloat() ? truncate(in[0]->floats[i]) : in[0]->integers[i];
  }
  return success();
}

} // namespace

void reference::attachElementwise(MLIRContext *context) {
  attachLocal<NegOp, unaryNumber<NegOp, negF, negI>>(context);
  attachLocal<AbsOp, unaryNumber<AbsOp, absF, absI>>(context);
  attachLocal<SignOp, unaryNumber<SignOp, signF, signI>>(context);
  attachLocal<FloorOp, unary<FloorOp, floorF>>(context);
  attachLocal<CeilOp, unary<CeilOp, ceilF>>(context);
  attachLocal<ExpOp, unary<ExpOp, expF>>(context);
  attachLocal<LogOp, unary<LogOp, logF>>(context);
  attachLocal<SqrtOp, unary<SqrtOp, sqrtF>>(context);
  attachLocal<ReciprocalOp, unary<ReciprocalOp, reciprocalF>>(context);
  attachLocal<TanhOp, unary<TanhOp, tanhF>>(context);
  attachLocal<ErfOp, unary<ErfOp, erfF>>(context);
  attachLocal<SigmoidOp, unary<SigmoidOp, sigmoidF>>(context);
  attachLocal<ReluOp, unary<ReluOp, reluF>>(context);
  attachLocal<SinOp, unary<SinOp, sinF>>(context);
  attachLocal<CosOp, unary<CosOp, cosF>>(context);
  attachLocal<AddOp, binaryNumber<AddOp, addF, addI>>(context);
  attachLocal<SubOp, binaryNumber<SubOp, subF, subI>>(context);
  attachLocal<MulOp, binaryNumber<MulOp, mulF, mulI>>(context);
  attachLocal<DivOp, evaluateDiv>(context);
  attachLocal<PowOp, binary<PowOp, powF>>(context);
  attachLocal<MaxOp, binaryNumber<MaxOp, maxF, maxI>>(context);
  attachLocal<MinOp, binaryNumber<MinOp, minF, minI>>(context);
  attachLocal<AndOp, binaryInteger<AndOp, andI>>(context);
  attachLocal<OrOp, binaryInteger<OrOp, orI>>(context);
  attachLocal<XorOp, binaryInteger<XorOp, xorI>>(context);
  attachLocal<CompareOp, evaluateCompare>(context);
  attachLocal<IsNanOp, evaluateIsNan>(context);
  attachLocal<SelectOp, evaluateSelect>(context);
  attachLocal<CastOp, evaluateCast>(context);
  attachLocal<NotOp, evaluateNot>(context);
}
