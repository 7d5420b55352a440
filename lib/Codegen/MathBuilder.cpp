// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See MathBuilder.h. Sine and cosine follow Cody and Waite, "Software Manual for
// the Elementary Functions" (1980): pi/2 is split in three, so that with fused
// multiply-adds the reduced argument is exact to f32 for |x| <= 1e5; minimax
// polynomials are those of Cephes' sinf and cosf.
#include "MathBuilder.h"
#include "LinalgBuilder.h"

using namespace mlir;

namespace dpc::codegen {

namespace {
Value fma(ImplicitLocOpBuilder &b, Value x, Value y, Value z) {
  return math::FmaOp::create(b, x, y, z);
}
} // namespace

Value buildSinCos(ImplicitLocOpBuilder &b, Value x, bool cosine) {
  if (x.getType().isF64()) // expanded with the other functions of f64
    return cosine ? Value(math::CosOp::create(b, x)) : Value(math::SinOp::create(b, x));
  Type f32 = x.getType(), i32 = b.getI32Type();
  auto c = [&](double v) { return constant(b, f32, v); };
  auto ci = [&](int64_t v) { return constant(b, i32, v); };
  Value k = math::RoundEvenOp::create(b, arith::MulFOp::create(b, x, c(0.6366197723675814)));
  Value r = fma(b, k, c(-0x1.921fb6p+0), x);
  r = fma(b, k, c(0x1.777a5cp-25), r);
  r = fma(b, k, c(0x1.ee59dap-50), r);
  // Huge and infinite arguments would make the conversion undefined; their
  // reduced argument is meaningless or NaN either way.
  Value bounded =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, math::AbsFOp::create(b, k), c(1e9));
  Value quadrant = arith::FPToSIOp::create(b, i32, arith::SelectOp::create(b, bounded, k, c(0)));
  if (cosine)
    quadrant = arith::AddIOp::create(b, quadrant, ci(1));
  Value r2 = arith::MulFOp::create(b, r, r);
  Value s = fma(b, r2, c(-1.9515295891e-4), c(8.3321608736e-3));
  s = fma(b, s, r2, c(-1.6666654611e-1));
  s = fma(b, arith::MulFOp::create(b, s, r2), r, r);
  Value t = fma(b, r2, c(2.443315711809948e-5), c(-1.388731625493765e-3));
  t = fma(b, t, r2, c(4.166664568298827e-2));
  t = fma(b, arith::MulFOp::create(b, t, r2), r2, fma(b, r2, c(-0.5), c(1)));
  Value odd = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                    arith::AndIOp::create(b, quadrant, ci(1)), ci(0));
  Value y = arith::SelectOp::create(b, odd, t, s);
  Value negative = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                         arith::AndIOp::create(b, quadrant, ci(2)), ci(0));
  return arith::SelectOp::create(b, negative, arith::NegFOp::create(b, y), y);
}

Value buildPow(ImplicitLocOpBuilder &b, Value a, Value e) {
  Type f32 = a.getType();
  auto c = [&](double v) { return constant(b, f32, v); };
  auto cmp = [&](arith::CmpFPredicate p, Value x, Value y) -> Value {
    return arith::CmpFOp::create(b, p, x, y);
  };
  auto select = [&](Value m, Value x, Value y) -> Value {
    return arith::SelectOp::create(b, m, x, y);
  };
  Value magnitude = math::AbsFOp::create(b, a);
  Value power =
      math::ExpOp::create(b, arith::MulFOp::create(b, e, math::LogOp::create(b, magnitude)));
  // |a| = 1 and e = 0 give 1 also where the product above is NaN.
  power = select(cmp(arith::CmpFPredicate::OEQ, magnitude, c(1)), c(1), power);
  Value half = arith::MulFOp::create(b, e, c(0.5));
  Value integral = cmp(arith::CmpFPredicate::OEQ, math::FloorOp::create(b, e), e);
  Value even = cmp(arith::CmpFPredicate::OEQ, math::FloorOp::create(b, half), half);
  Value signed_ = select(even, power, arith::NegFOp::create(b, power));
  Value nan = c(std::numeric_limits<double>::quiet_NaN());
  Value negative = select(integral, signed_, nan);
  Value result = select(cmp(arith::CmpFPredicate::OLT, a, c(0)), negative, power);
  result = select(cmp(arith::CmpFPredicate::UNO, a, e), nan, result);
  result = select(cmp(arith::CmpFPredicate::OEQ, a, c(1)), c(1), result);
  return select(cmp(arith::CmpFPredicate::OEQ, e, c(0)), c(1), result);
}

Value buildSigmoid(ImplicitLocOpBuilder &b, Value x) {
  Value one = constant(b, x.getType(), 1);
  Value e = math::ExpOp::create(b, arith::NegFOp::create(b, x));
  return arith::DivFOp::create(b, one, arith::AddFOp::create(b, one, e));
}

} // namespace dpc::codegen
