// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Math64.h. Arguments are reduced as in Cody and Waite, "Software Manual for the
// Elementary Functions" (1980); on what is left Taylor's series ends below the last
// place. erf is its series of positive terms below 2.5 and Laplace's continued fraction
// of erfc above (Abramowitz and Stegun, 7.1.6 and 7.1.14).
#include "Math64.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace dpc::codegen {
namespace {

// pi/2 and ln 2 as sums of doubles; with fused multiply-adds the first is exact.
constexpr double kHalfPi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double kLn2High = 0x1.62e42fefa39efp-1, kLn2Low = 0x1.abc9e3b39803fp-56;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Arithmetic on f64, or on vectors of it.
class Doubles {
public:
  Doubles(ImplicitLocOpBuilder &b, Type type) : b(b), type(type) {}

  Value number(double value) { return splat(type, b.getF64FloatAttr(value)); }
  Value integer(int64_t value) { return splat(integers(), b.getI64IntegerAttr(value)); }

  Value add(Value x, Value y) { return arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return arith::DivFOp::create(b, x, y); }
  Value fma(Value x, Value y, Value z) { return math::FmaOp::create(b, x, y, z); }
  Value abs(Value x) { return math::AbsFOp::create(b, x); }
  Value round(Value x) { return math::RoundEvenOp::create(b, x); }
  Value select(Value c, Value x, Value y) { return arith::SelectOp::create(b, c, x, y); }
  Value compare(arith::CmpFPredicate p, Value x, Value y) {
    return arith::CmpFOp::create(b, p, x, y);
  }
  Value less(Value x, double y) { return compare(arith::CmpFPredicate::OLT, x, number(y)); }
  Value isNan(Value x) { return compare(arith::CmpFPredicate::UNO, x, x); }
  Value copySign(Value x, Value sign) { return math::CopySignOp::create(b, x, sign); }

  Value bits(Value x) { return arith::BitcastOp::create(b, integers(), x); }
  Value fromBits(Value x) { return arith::BitcastOp::create(b, type, x); }
  Value toInteger(Value x) { return arith::FPToSIOp::create(b, integers(), x); }
  Value toNumber(Value x) { return arith::SIToFPOp::create(b, type, x); }
  Value addI(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value subI(Value x, Value y) { return arith::SubIOp::create(b, x, y); }
  Value andI(Value x, Value y) { return arith::AndIOp::create(b, x, y); }
  Value shiftLeft(Value x, int64_t by) { return arith::ShLIOp::create(b, x, integer(by)); }
  Value shiftRight(Value x, int64_t by) { return arith::ShRSIOp::create(b, x, integer(by)); }
  Value isSet(Value x, int64_t mask) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, andI(x, integer(mask)), integer(0));
  }

  /// sum of coefficients[i] x^i.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = number(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, number(c));
    return sum;
  }
  /// 2^k of an integer between -1022 and 1023.
  Value powerOfTwo(Value k) { return fromBits(shiftLeft(addI(k, integer(1023)), 52)); }

private:
  Type integers() {
    Type i64 = b.getI64Type();
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(i64);
    return i64;
  }
  Value splat(Type of, TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(of))
      return arith::ConstantOp::create(b, DenseElementsAttr::get(vector, Attribute(value)));
    return arith::ConstantOp::create(b, value);
  }

  ImplicitLocOpBuilder &b;
  Type type;
};

// x = k ln 2 + r, |r| <= ln 2 / 2, for x within bounds that make 2^(k/2) a number.
struct Reduced {
  Value k, r;
};
Reduced reduceByLn2(Doubles &d, Value x) {
  Value k = d.round(d.mul(x, d.number(1 / (kLn2High + kLn2Low))));
  Value r = d.fma(k, d.number(-kLn2High), x);
  return {d.toInteger(k), d.fma(k, d.number(-kLn2Low), r)};
}

// e^r - 1 for |r| <= ln 2 / 2.
Value smallExpM1(Doubles &d, Value r) {
  SmallVector<double> coefficients;
  for (double n = 1, factorial = 1; n <= 14; factorial *= ++n)
    coefficients.push_back(1 / factorial);
  return d.mul(r, d.polynomial(r, coefficients));
}

Value clamp(Doubles &d, Value x, double low, double high) {
  x = d.select(d.compare(arith::CmpFPredicate::OGT, x, d.number(low)), x, d.number(low));
  return d.select(d.less(x, high), x, d.number(high)); // NaN became `low`
}

Value buildExp(Doubles &d, Value x) {
  auto [k, r] = reduceByLn2(d, clamp(d, x, -746, 710));
  Value y = d.add(d.number(1), smallExpM1(d, r));
  // In two factors: 2^k itself may be out of range where the result is not.
  Value half = d.shiftRight(k, 1);
  y = d.mul(d.mul(y, d.powerOfTwo(half)), d.powerOfTwo(d.subI(k, half)));
  return d.select(d.isNan(x), x, y);
}

Value buildLog(Doubles &d, Value x) {
  // Subnormal numbers have their exponent in the mantissa: 2^54 times is normal.
  Value small = d.less(x, 0x1p-1022);
  Value bits = d.bits(d.select(small, d.mul(x, d.number(0x1p54)), x));
  // x = m 2^e with m in [sqrt(1/2), sqrt(2)): 0x95f62 is where sqrt(2) cuts.
  constexpr int64_t kOne = 1023ll << 52, kCut = 0x95f62ll << 32, kMantissa = (1ll << 52) - 1;
  Value shifted = d.addI(bits, d.integer(kCut));
  Value exponent = d.shiftRight(d.subI(shifted, d.integer(kOne)), 52);
  Value mantissa =
      d.subI(d.addI(d.andI(shifted, d.integer(kMantissa)), d.integer(kOne)), d.integer(kCut));
  Value e = d.add(d.toNumber(exponent), d.select(small, d.number(-54), d.number(0)));
  Value m = d.fromBits(mantissa);
  // log m = 2 atanh((m - 1) / (m + 1)).
  Value s = d.div(d.sub(m, d.number(1)), d.add(m, d.number(1))), s2 = d.mul(s, s);
  SmallVector<double> coefficients;
  for (int n = 1; n <= 25; n += 2)
    coefficients.push_back(2.0 / n);
  Value logM = d.mul(s, d.polynomial(s2, coefficients));
  Value y = d.fma(e, d.number(kLn2High), d.fma(e, d.number(kLn2Low), logM));
  y = d.select(d.compare(arith::CmpFPredicate::OEQ, x, d.number(kInfinity)), x, y);
  y = d.select(d.compare(arith::CmpFPredicate::OEQ, x, d.number(0)), d.number(-kInfinity), y);
  Value invalid = d.compare(arith::CmpFPredicate::ULT, x, d.number(0)); // and NaN
  return d.select(invalid, d.number(std::nan("")), y);
}

// tanh |x| = t / (t + 2) of t = e^(2|x|) - 1, without cancellation for small x.
Value buildTanh(Doubles &d, Value x) {
  Value twice = d.mul(d.number(2), clamp(d, d.abs(x), 0, 20)); // 1 to the last place from there
  auto [k, r] = reduceByLn2(d, twice);
  Value scale = d.powerOfTwo(k);
  Value t = d.fma(scale, smallExpM1(d, r), d.sub(scale, d.number(1)));
  Value y = d.copySign(d.div(t, d.add(t, d.number(2))), x);
  return d.select(d.isNan(x), x, y);
}

Value buildErf(Doubles &d, Value x) {
  constexpr double kSplit = 2.5, kOneOverRootPi = 0.56418958354775628695;
  Value a = clamp(d, d.abs(x), 0, 6); // 1 to the last place from there
  Value square = d.mul(a, a);
  Value bell = buildExp(d, d.sub(d.number(0), square));
  // erf a = 2 / sqrt(pi) a e^(-a^2) sum of (2 a^2)^n / (1 3 5 ... (2 n + 1)).
  SmallVector<double> coefficients;
  double term = 1;
  for (int n = 0; n < 50; ++n) {
    coefficients.push_back(term);
    term /= 2 * n + 3;
  }
  Value low = d.select(d.less(a, kSplit), a, d.number(kSplit));
  Value sum = d.polynomial(d.mul(d.number(2), d.mul(low, low)), coefficients);
  Value series = d.mul(d.mul(d.number(2 * kOneOverRootPi), d.mul(a, bell)), sum);
  // erfc a = e^(-a^2) / sqrt(pi) / (a + 1/2 / (a + 2/2 / (a + 3/2 / ...))).
  Value high = d.select(d.less(a, kSplit), d.number(kSplit), a), fraction = high;
  for (int n = 40; n >= 1; --n)
    fraction = d.add(high, d.div(d.number(n / 2.0), fraction));
  Value rest = d.div(d.mul(d.number(kOneOverRootPi), bell), fraction);
  Value y = d.select(d.less(a, kSplit), series, d.sub(d.number(1), rest));
  return d.select(d.isNan(x), x, d.copySign(y, x));
}

// As the f32 one of MathBuilder.cpp: infinite and huge arguments have no meaning left.
Value buildSinCos64(Doubles &d, Value x, bool cosine) {
  Value k = d.round(d.mul(x, d.number(1 / kHalfPi[0])));
  Value r = x;
  for (double part : kHalfPi)
    r = d.fma(k, d.number(-part), r);
  Value quadrant = d.toInteger(d.select(d.less(d.abs(k), 0x1p52), k, d.number(0)));
  if (cosine)
    quadrant = d.addI(quadrant, d.integer(1));
  Value r2 = d.mul(r, r);
  SmallVector<double> sine, cosines;
  double factorial = 1;
  for (int n = 0; n <= 20; factorial *= ++n)
    (n % 2 ? sine : cosines).push_back((n / 2 % 2 ? -1 : 1) / factorial);
  Value s = d.mul(r, d.polynomial(r2, sine)), c = d.polynomial(r2, cosines);
  Value y = d.select(d.isSet(quadrant, 1), c, s);
  return d.select(d.isSet(quadrant, 2), d.sub(d.number(-0.0), y), y);
}

template <typename OpTy, typename Build> struct Expand : OpRewritePattern<OpTy> {
  Expand(MLIRContext *context, Build build) : OpRewritePattern<OpTy>(context), build(build) {}
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Type type = op.getOperand().getType();
    if (!getElementTypeOrSelf(type).isF64())
      return failure();
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Doubles d(b, type);
    rewriter.replaceOp(op, build(d, op.getOperand()));
    return success();
  }
  Build build;
};
template <typename OpTy, typename Build> void add(RewritePatternSet &patterns, Build build) {
  patterns.add(std::make_unique<Expand<OpTy, Build>>(patterns.getContext(), build));
}

} // namespace

void populateMath64Patterns(RewritePatternSet &patterns) {
  add<math::ExpOp>(patterns, buildExp);
  add<math::LogOp>(patterns, buildLog);
  add<math::TanhOp>(patterns, buildTanh);
  add<math::ErfOp>(patterns, buildErf);
  add<math::SinOp>(patterns, [](Doubles &d, Value x) { return buildSinCos64(d, x, false); });
  add<math::CosOp>(patterns, [](Doubles &d, Value x) { return buildSinCos64(d, x, true); });
}

} // namespace dpc::codegen
