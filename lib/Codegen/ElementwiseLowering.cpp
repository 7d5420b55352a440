// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations: one scalar function each.
#include "LoweringModels.h"
#include "MathBuilder.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

template <typename FloatOp, typename IntOp> Value arithmetic(B &b, Value x, Value y) {
  if (isa<FloatType>(x.getType()))
    return FloatOp::create(b, x, y);
  return IntOp::create(b, x, y);
}
Value select(B &b, Value c, Value x, Value y) { return arith::SelectOp::create(b, c, x, y); }
Value compareF(B &b, arith::CmpFPredicate p, Value x, Value y) {
  return arith::CmpFOp::create(b, p, x, y);
}
Value compareI(B &b, arith::CmpIPredicate p, Value x, Value y) {
  return arith::CmpIOp::create(b, p, x, y);
}

// What each operation does with elements. `v` are the operands' elements in
// compute type; the result has the compute type of the result.
Value compute(nn::NegOp, B &b, ValueRange v) {
  if (isa<FloatType>(v[0].getType()))
    return arith::NegFOp::create(b, v[0]);
  return arith::SubIOp::create(b, constant(b, v[0].getType(), 0), v[0]);
}
Value compute(nn::AbsOp, B &b, ValueRange v) {
  if (isa<FloatType>(v[0].getType()))
    return math::AbsFOp::create(b, v[0]);
  return math::AbsIOp::create(b, v[0]);
}
Value compute(nn::SignOp, B &b, ValueRange v) {
  Type type = v[0].getType();
  Value zero = constant(b, type, 0), one = constant(b, type, 1), minus = constant(b, type, -1);
  if (isa<FloatType>(type)) {
    Value nonNegative = select(b, compareF(b, arith::CmpFPredicate::OGT, v[0], zero), one, zero);
    Value sign = select(b, compareF(b, arith::CmpFPredicate::OLT, v[0], zero), minus, nonNegative);
    return select(b, compareF(b, arith::CmpFPredicate::UNO, v[0], v[0]), v[0], sign);
  }
  Value nonNegative = select(b, compareI(b, arith::CmpIPredicate::sgt, v[0], zero), one, zero);
  return select(b, compareI(b, arith::CmpIPredicate::slt, v[0], zero), minus, nonNegative);
}
Value compute(nn::FloorOp, B &b, ValueRange v) { return math::FloorOp::create(b, v[0]); }
Value compute(nn::CeilOp, B &b, ValueRange v) { return math::CeilOp::create(b, v[0]); }
Value compute(nn::ExpOp, B &b, ValueRange v) { return math::ExpOp::create(b, v[0]); }
Value compute(nn::LogOp, B &b, ValueRange v) { return math::LogOp::create(b, v[0]); }
Value compute(nn::SqrtOp, B &b, ValueRange v) { return math::SqrtOp::create(b, v[0]); }
Value compute(nn::ReciprocalOp, B &b, ValueRange v) {
  return arith::DivFOp::create(b, constant(b, v[0].getType(), 1), v[0]);
}
Value compute(nn::TanhOp, B &b, ValueRange v) { return math::TanhOp::create(b, v[0]); }
Value compute(nn::ErfOp, B &b, ValueRange v) { return math::ErfOp::create(b, v[0]); }
Value compute(nn::SigmoidOp, B &b, ValueRange v) { return buildSigmoid(b, v[0]); }
Value compute(nn::SinOp, B &b, ValueRange v) { return buildSinCos(b, v[0], false); }
Value compute(nn::CosOp, B &b, ValueRange v) { return buildSinCos(b, v[0], true); }
Value compute(nn::ReluOp, B &b, ValueRange v) {
  Value zero = constant(b, v[0].getType(), 0);
  return select(b, compareF(b, arith::CmpFPredicate::UGT, v[0], zero), v[0], zero);
}
Value compute(nn::NotOp, B &b, ValueRange v) {
  return arith::XOrIOp::create(b, v[0], constant(b, b.getI1Type(), 1));
}
Value compute(nn::AddOp, B &b, ValueRange v) {
  return arithmetic<arith::AddFOp, arith::AddIOp>(b, v[0], v[1]);
}
Value compute(nn::SubOp, B &b, ValueRange v) {
  return arithmetic<arith::SubFOp, arith::SubIOp>(b, v[0], v[1]);
}
Value compute(nn::MulOp, B &b, ValueRange v) {
  return arithmetic<arith::MulFOp, arith::MulIOp>(b, v[0], v[1]);
}
Value compute(nn::DivOp, B &b, ValueRange v) {
  return arithmetic<arith::DivFOp, arith::DivSIOp>(b, v[0], v[1]);
}
Value compute(nn::PowOp, B &b, ValueRange v) { return buildPow(b, v[0], v[1]); }
Value compute(nn::MaxOp, B &b, ValueRange v) {
  return arithmetic<arith::MaximumFOp, arith::MaxSIOp>(b, v[0], v[1]);
}
Value compute(nn::MinOp, B &b, ValueRange v) {
  return arithmetic<arith::MinimumFOp, arith::MinSIOp>(b, v[0], v[1]);
}
Value compute(nn::AndOp, B &b, ValueRange v) { return arith::AndIOp::create(b, v[0], v[1]); }
Value compute(nn::OrOp, B &b, ValueRange v) { return arith::OrIOp::create(b, v[0], v[1]); }
Value compute(nn::XorOp, B &b, ValueRange v) { return arith::XOrIOp::create(b, v[0], v[1]); }
Value compute(nn::IsNanOp, B &b, ValueRange v) {
  return compareF(b, arith::CmpFPredicate::UNO, v[0], v[0]);
}
Value compute(nn::SelectOp, B &b, ValueRange v) { return select(b, v[0], v[1], v[2]); }
Value compute(nn::CompareOp op, B &b, ValueRange v) {
  static constexpr arith::CmpFPredicate floats[] = {
      arith::CmpFPredicate::OEQ, arith::CmpFPredicate::UNE, arith::CmpFPredicate::OLT,
      arith::CmpFPredicate::OLE, arith::CmpFPredicate::OGT, arith::CmpFPredicate::OGE};
  static constexpr arith::CmpIPredicate integers[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,  arith::CmpIPredicate::slt,
      arith::CmpIPredicate::sle, arith::CmpIPredicate::sgt, arith::CmpIPredicate::sge};
  static constexpr arith::CmpIPredicate unsigneds[] = {
      arith::CmpIPredicate::eq,  arith::CmpIPredicate::ne,  arith::CmpIPredicate::ult,
      arith::CmpIPredicate::ule, arith::CmpIPredicate::ugt, arith::CmpIPredicate::uge};
  unsigned p = static_cast<unsigned>(op.getPredicate());
  Type type = op.getLhs().getType().getElementType();
  if (isa<FloatType>(type))
    return compareF(b, floats[p], v[0], v[1]);
  return compareI(b, type.isUnsignedInteger() || type.isInteger(1) ? unsigneds[p] : integers[p],
                  v[0], v[1]);
}
Value compute(nn::CastOp op, B &b, ValueRange v) {
  Type from = op.getOperand().getType().getElementType(), to = op.getType().getElementType();
  Type target =
      to.isUnsignedInteger() ? b.getIntegerType(to.getIntOrFloatBitWidth()) : computeType(to);
  bool unsignedFrom = from.isUnsignedInteger() || from.isInteger(1);
  Value x = v[0];
  if (to.isInteger(1)) {
    if (isa<FloatType>(from))
      return compareF(b, arith::CmpFPredicate::UNE, x, constant(b, x.getType(), 0));
    return compareI(b, arith::CmpIPredicate::ne, x, constant(b, x.getType(), 0));
  }
  if (isa<FloatType>(from) && isa<FloatType>(to))
    return convertFloat(b, x, target);
  if (isa<FloatType>(from))
    return to.isUnsignedInteger() ? Value(arith::FPToUIOp::create(b, target, x))
                                  : Value(arith::FPToSIOp::create(b, target, x));
  if (isa<FloatType>(to))
    return unsignedFrom ? Value(arith::UIToFPOp::create(b, target, x))
                        : Value(arith::SIToFPOp::create(b, target, x));
  unsigned widthFrom = x.getType().getIntOrFloatBitWidth(),
           widthTo = target.getIntOrFloatBitWidth();
  if (widthFrom == widthTo)
    return x;
  if (widthFrom > widthTo)
    return arith::TruncIOp::create(b, target, x);
  return unsignedFrom ? Value(arith::ExtUIOp::create(b, target, x))
                      : Value(arith::ExtSIOp::create(b, target, x));
}

template <typename OpTy> struct Elementwise : LinalgModel<Elementwise<OpTy>, OpTy> {
  LogicalResult lower(OpTy op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    results.push_back(b.map(type, operands, [&](B &inner, ValueRange elements) -> Value {
      SmallVector<Value> values;
      for (Value e : elements)
        values.push_back(
            isa<FloatType>(e.getType()) ? convertFloat(inner, e, computeType(e.getType())) : e);
      Value result = compute(op, inner, values);
      Type element = type.getElementType();
      return isa<FloatType>(element) ? convertFloat(inner, result, element) : result;
    }));
    return success();
  }
};

template <typename... Ops> void attach(MLIRContext *context) {
  (Ops::template attachInterface<Elementwise<Ops>>(*context), ...);
}

} // namespace

void attachElementwiseLowerings(MLIRContext *context) {
  attach<nn::NegOp, nn::AbsOp, nn::SignOp, nn::FloorOp, nn::CeilOp, nn::ExpOp, nn::LogOp,
         nn::SqrtOp, nn::ReciprocalOp, nn::TanhOp, nn::ErfOp, nn::SigmoidOp, nn::ReluOp, nn::SinOp,
         nn::CosOp, nn::NotOp, nn::AddOp, nn::SubOp, nn::MulOp, nn::DivOp, nn::PowOp, nn::MaxOp,
         nn::MinOp, nn::AndOp, nn::OrOp, nn::XorOp, nn::CompareOp, nn::IsNanOp, nn::SelectOp,
         nn::CastOp>(context);
}

} // namespace dpc::codegen
