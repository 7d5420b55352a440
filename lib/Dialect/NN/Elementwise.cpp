// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elementwise operations: folds of exactly rounded arithmetic and of bit-exact
// identities, and derivatives. x + (-0.0) is x for every x, x + 0.0 is not
// (-0.0 + 0.0 is 0.0), and x * 0.0 is not 0.0: only the first is folded.
#include "Folding.h"
#include "Grad.h"

#include "llvm/ADT/APSInt.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using llvm::APFloat;
using llvm::APInt;

static constexpr auto kNearest = APFloat::rmNearestTiesToEven;

static bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

//===----------------------------------------------------------------------===//
// Result types
//===----------------------------------------------------------------------===//

LogicalResult CompareOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                          ValueRange operands, DictionaryAttr, OpaqueProperties,
                                          RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(getBoolType(operands[0].getType()));
  return success();
}

LogicalResult IsNanOp::inferReturnTypes(MLIRContext *, std::optional<Location>, ValueRange operands,
                                        DictionaryAttr, OpaqueProperties, RegionRange,
                                        SmallVectorImpl<Type> &types) {
  types.push_back(getBoolType(operands[0].getType()));
  return success();
}

//===----------------------------------------------------------------------===//
// Folds
//===----------------------------------------------------------------------===//

OpFoldResult NegOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getOperand().getDefiningOp<NegOp>())
    return inner.getOperand();
  if (isFloat(getType()))
    return foldFloats(adaptor.getOperand(), [](const APFloat &x) { return neg(x); });
  return foldInts(adaptor.getOperand(), [](const APInt &x) { return -x; });
}

OpFoldResult AbsOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getDefiningOp<AbsOp>())
    return getOperand();
  if (isFloat(getType()))
    return foldFloats(adaptor.getOperand(), [](const APFloat &x) { return abs(x); });
  return foldInts(adaptor.getOperand(), [](const APInt &x) { return x.abs(); });
}

OpFoldResult SignOp::fold(FoldAdaptor adaptor) {
  if (isFloat(getType()))
    return foldFloats(adaptor.getOperand(), [](const APFloat &x) -> std::optional<APFloat> {
      if (x.isNaN())
        return x;
      if (x.isZero())
        return APFloat::getZero(x.getSemantics());
      return APFloat::getOne(x.getSemantics(), x.isNegative());
    });
  return foldInts(adaptor.getOperand(), [](const APInt &x) {
    return APInt(x.getBitWidth(), x.isNegative() ? -1 : !x.isZero(),
                 /*isSigned=*/true);
  });
}

static OpFoldResult foldRounding(Attribute operand, llvm::RoundingMode mode) {
  return foldFloats(operand, [mode](const APFloat &x) {
    APFloat rounded = x;
    rounded.roundToIntegral(mode);
    return rounded;
  });
}
OpFoldResult FloorOp::fold(FoldAdaptor adaptor) {
  return foldRounding(adaptor.getOperand(), APFloat::rmTowardNegative);
}
OpFoldResult CeilOp::fold(FoldAdaptor adaptor) {
  return foldRounding(adaptor.getOperand(), APFloat::rmTowardPositive);
}

OpFoldResult SqrtOp::fold(FoldAdaptor adaptor) {
  return foldFloats(adaptor.getOperand(), [](const APFloat &x) -> std::optional<APFloat> {
    if (&x.getSemantics() == &APFloat::IEEEsingle())
      return APFloat(std::sqrt(x.convertToFloat()));
    if (&x.getSemantics() == &APFloat::IEEEdouble())
      return APFloat(std::sqrt(x.convertToDouble()));
    return std::nullopt;
  });
}

OpFoldResult ReciprocalOp::fold(FoldAdaptor adaptor) {
  return foldFloats(adaptor.getOperand(), [](const APFloat &x) {
    APFloat one = APFloat::getOne(x.getSemantics());
    one.divide(x, kNearest);
    return one;
  });
}

OpFoldResult ReluOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getDefiningOp<ReluOp>())
    return getOperand();
  return foldFloats(adaptor.getOperand(), [](const APFloat &x) {
    bool kept = x.isNaN() || (!x.isNegative() && !x.isZero());
    return kept ? x : APFloat::getZero(x.getSemantics());
  });
}

OpFoldResult NotOp::fold(FoldAdaptor adaptor) {
  if (auto inner = getOperand().getDefiningOp<NotOp>())
    return inner.getOperand();
  return foldInts(adaptor.getOperand(), [](const APInt &x) { return ~x; });
}

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  if (isFloat(getType())) {
    if (isSplatOf(adaptor.getRhs(), -0.0))
      return getLhs();
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return a + b; });
  }
  if (isSplatOf(adaptor.getRhs(), 0))
    return getLhs();
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a + b; });
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  // x - (+0.0) is x, also for x = -0.0.
  if (isSplatOf(adaptor.getRhs(), 0.0))
    return getLhs();
  // Of floats it may be NaN.
  if (!isFloat(getType()) && getLhs() == getRhs())
    return Builder(getContext()).getZeroAttr(getType());
  if (isFloat(getType()))
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return a - b; });
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a - b; });
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (isSplatOf(adaptor.getRhs(), 1.0))
    return getLhs();
  if (isFloat(getType()))
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return a * b; });
  if (isSplatOf(adaptor.getRhs(), 0))
    return adaptor.getRhs();
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a * b; });
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (isSplatOf(adaptor.getRhs(), 1.0))
    return getLhs();
  if (isFloat(getType()))
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return a / b; });
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) -> std::optional<APInt> {
                    if (b.isZero() || (a.isMinSignedValue() && b.isAllOnes()))
                      return std::nullopt;
                    return a.sdiv(b);
                  });
}

OpFoldResult MaxOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs())
    return getLhs();
  if (isFloat(getType()))
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return maximum(a, b); });
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a.sgt(b) ? a : b; });
}

OpFoldResult MinOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs())
    return getLhs();
  if (isFloat(getType()))
    return foldFloats(adaptor.getLhs(), adaptor.getRhs(),
                      [](const APFloat &a, const APFloat &b) { return minimum(a, b); });
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a.slt(b) ? a : b; });
}

OpFoldResult AndOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs() || isSplatOf(adaptor.getRhs(), 1))
    return getLhs();
  if (isSplatOf(adaptor.getRhs(), 0))
    return adaptor.getRhs();
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a & b; });
}

OpFoldResult OrOp::fold(FoldAdaptor adaptor) {
  if (getLhs() == getRhs() || isSplatOf(adaptor.getRhs(), 0))
    return getLhs();
  if (isSplatOf(adaptor.getRhs(), 1))
    return adaptor.getRhs();
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a | b; });
}

OpFoldResult XorOp::fold(FoldAdaptor adaptor) {
  if (isSplatOf(adaptor.getRhs(), 0))
    return getLhs();
  return foldInts(adaptor.getLhs(), adaptor.getRhs(),
                  [](const APInt &a, const APInt &b) { return a ^ b; });
}

static bool holds(Predicate predicate, APFloat::cmpResult order) {
  bool less = order == APFloat::cmpLessThan;
  bool equal = order == APFloat::cmpEqual;
  bool greater = order == APFloat::cmpGreaterThan;
  switch (predicate) {
  case Predicate::EQ:
    return equal;
  case Predicate::NE:
    return !equal;
  case Predicate::LT:
    return less;
  case Predicate::LE:
    return less || equal;
  case Predicate::GT:
    return greater;
  case Predicate::GE:
    return greater || equal;
  }
  llvm_unreachable("unknown predicate");
}

OpFoldResult CompareOp::fold(FoldAdaptor adaptor) {
  bool isUnsigned = getElementTypeOrSelf(getLhs().getType()).isUnsignedInteger() ||
                    getElementTypeOrSelf(getLhs().getType()).isInteger(1);
  auto i1 = IntegerType::get(getContext(), 1);
  return foldElements({adaptor.getLhs(), adaptor.getRhs()}, getType(),
                      [&](ArrayRef<Attribute> values) -> Attribute {
                        APFloat::cmpResult order;
                        if (auto lhs = dyn_cast<FloatAttr>(values[0])) {
                          order = lhs.getValue().compare(cast<FloatAttr>(values[1]).getValue());
                        } else {
                          APInt a = cast<IntegerAttr>(values[0]).getValue();
                          APInt b = cast<IntegerAttr>(values[1]).getValue();
                          bool less = isUnsigned ? a.ult(b) : a.slt(b);
                          order = a == b ? APFloat::cmpEqual
                                  : less ? APFloat::cmpLessThan
                                         : APFloat::cmpGreaterThan;
                        }
                        return IntegerAttr::get(i1, holds(getPredicate(), order));
                      });
}

OpFoldResult IsNanOp::fold(FoldAdaptor adaptor) {
  auto i1 = IntegerType::get(getContext(), 1);
  return foldElements({adaptor.getOperand()}, getType(),
                      [&](ArrayRef<Attribute> values) -> Attribute {
                        return IntegerAttr::get(i1, cast<FloatAttr>(values[0]).getValue().isNaN());
                      });
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (getOnTrue() == getOnFalse() || isSplatOf(adaptor.getCondition(), 1))
    return getOnTrue();
  if (isSplatOf(adaptor.getCondition(), 0))
    return getOnFalse();
  return foldElements({adaptor.getCondition(), adaptor.getOnTrue(), adaptor.getOnFalse()},
                      getType(), [](ArrayRef<Attribute> values) {
                        return cast<IntegerAttr>(values[0]).getValue().isZero() ? values[2]
                                                                                : values[1];
                      });
}

static bool isZeroElement(Attribute value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return number.getValue().isZero();
  return cast<IntegerAttr>(value).getValue().isZero();
}

// Null where the result is not defined.
static Attribute castElement(Attribute value, Type from, Type to) {
  auto zeroExtended = [](Type type) { return type.isUnsignedInteger() || type.isInteger(1); };
  if (to.isInteger(1))
    return IntegerAttr::get(to, !isZeroElement(value));
  if (auto toFloat = dyn_cast<FloatType>(to)) {
    APFloat result(toFloat.getFloatSemantics());
    bool inexact;
    if (auto number = dyn_cast<FloatAttr>(value)) {
      result = number.getValue();
      result.convert(toFloat.getFloatSemantics(), kNearest, &inexact);
    } else {
      result.convertFromAPInt(cast<IntegerAttr>(value).getValue(), !zeroExtended(from), kNearest);
    }
    return FloatAttr::get(to, result);
  }
  unsigned width = cast<IntegerType>(to).getWidth();
  if (auto number = dyn_cast<FloatAttr>(value)) {
    llvm::APSInt result(width, to.isUnsignedInteger());
    bool exact;
    auto status = number.getValue().convertToInteger(result, APFloat::rmTowardZero, &exact);
    if (status & APFloat::opInvalidOp)
      return {};
    return IntegerAttr::get(to, result);
  }
  APInt bits = cast<IntegerAttr>(value).getValue();
  return IntegerAttr::get(to,
                          zeroExtended(from) ? bits.zextOrTrunc(width) : bits.sextOrTrunc(width));
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getOperand().getType() == getType())
    return getOperand();
  Type from = getElementTypeOrSelf(getOperand().getType());
  Type to = getElementTypeOrSelf(getType());
  // Widening a float and narrowing it again loses nothing.
  if (auto inner = getOperand().getDefiningOp<CastOp>()) {
    auto source = dyn_cast<FloatType>(getElementTypeOrSelf(inner.getOperand().getType()));
    auto middle = dyn_cast<FloatType>(from);
    if (source && middle && source == to &&
        APFloat::isRepresentableBy(source.getFloatSemantics(), middle.getFloatSemantics()))
      return inner.getOperand();
  }
  return foldElements({adaptor.getOperand()}, getType(),
                      [&](ArrayRef<Attribute> values) { return castElement(values[0], from, to); });
}

//===----------------------------------------------------------------------===//
// Derivatives
//===----------------------------------------------------------------------===//

// The unary ones differ only in the factor of g.
#define DPC_UNARY_BACKWARD(OP, EXPRESSION)                                                         \
  LogicalResult OP::buildBackward(OpBuilder &builder, ValueRange resultGrads,                      \
                                  ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {    \
    if (!needed[0])                                                                                \
      return success();                                                                            \
    Grad b(builder, *this);                                                                        \
    [[maybe_unused]] Value g = resultGrads[0], x = getOperand(), y = getResult();                  \
    operandGrads[0] = EXPRESSION;                                                                  \
    return success();                                                                              \
  }

DPC_UNARY_BACKWARD(NegOp, b.neg(g))
DPC_UNARY_BACKWARD(AbsOp, b.mul(g, SignOp::create(builder, b.loc, x)))
DPC_UNARY_BACKWARD(ExpOp, b.mul(g, y))
DPC_UNARY_BACKWARD(LogOp, b.div(g, x))
DPC_UNARY_BACKWARD(SqrtOp, b.div(b.scale(g, 0.5), y))
DPC_UNARY_BACKWARD(ReciprocalOp, b.neg(b.mul(g, b.mul(y, y))))
DPC_UNARY_BACKWARD(TanhOp, b.mul(g, b.sub(b.splat(y, 1), b.mul(y, y))))
// 2 / sqrt(pi) * exp(-x^2)
DPC_UNARY_BACKWARD(ErfOp,
                   b.mul(g, b.scale(b.exp(b.neg(b.mul(x, x))), 1.1283791670955125738961589031)))
DPC_UNARY_BACKWARD(SigmoidOp, b.mul(g, b.mul(y, b.sub(b.splat(y, 1), y))))
DPC_UNARY_BACKWARD(ReluOp, b.select(b.compare(Predicate::GT, x, b.splat(x, 0)), g, b.splat(g, 0)))
DPC_UNARY_BACKWARD(SinOp, b.mul(g, CosOp::create(builder, b.loc, x)))
DPC_UNARY_BACKWARD(CosOp, b.neg(b.mul(g, SinOp::create(builder, b.loc, x))))
DPC_UNARY_BACKWARD(CastOp, createCast(builder, b.loc, g, getElementTypeOrSelf(x.getType())))
#undef DPC_UNARY_BACKWARD

bool CastOp::isDifferentiableOperand(unsigned) {
  return isFloat(getOperand().getType()) && isFloat(getType());
}

LogicalResult AddOp::buildBackward(OpBuilder &, ValueRange resultGrads, ArrayRef<bool> needed,
                                   MutableArrayRef<Value> operandGrads) {
  for (unsigned i : {0u, 1u})
    if (needed[i])
      operandGrads[i] = resultGrads[0];
  return success();
}

LogicalResult SubOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  if (needed[0])
    operandGrads[0] = resultGrads[0];
  if (needed[1])
    operandGrads[1] = b.neg(resultGrads[0]);
  return success();
}

LogicalResult MulOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  if (needed[0])
    operandGrads[0] = b.mul(resultGrads[0], getRhs());
  if (needed[1])
    operandGrads[1] = b.mul(resultGrads[0], getLhs());
  return success();
}

LogicalResult DivOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  Value quotient = b.div(resultGrads[0], getRhs());
  if (needed[0])
    operandGrads[0] = quotient;
  if (needed[1])
    operandGrads[1] = b.neg(b.mul(quotient, getResult()));
  return success();
}

LogicalResult PowOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  Value g = resultGrads[0], base = getLhs(), exponent = getRhs();
  Value zero = b.splat(base, 0);
  if (needed[0]) {
    Value power = PowOp::create(builder, b.loc, base, b.sub(exponent, b.splat(exponent, 1)));
    Value grad = b.mul(g, b.mul(exponent, power));
    operandGrads[0] = b.select(b.compare(Predicate::EQ, exponent, zero), zero, grad);
  }
  if (needed[1]) {
    Value grad = b.mul(g, b.mul(LogOp::create(builder, b.loc, base), getResult()));
    operandGrads[1] = b.select(b.compare(Predicate::EQ, base, zero), zero, grad);
  }
  return success();
}

// The operand that lost gets nothing, a tie gets half; where an operand is NaN
// neither lost, so the gradient does not vanish silently.
static void buildExtremum(const Grad &b, Predicate loses, Value g, Value lhs, Value rhs,
                          ArrayRef<bool> needed, MutableArrayRef<Value> grads) {
  Value zero = b.splat(g, 0);
  Value shared = b.select(b.compare(Predicate::EQ, lhs, rhs), b.scale(g, 0.5), g);
  if (needed[0])
    grads[0] = b.select(b.compare(loses, lhs, rhs), zero, shared);
  if (needed[1])
    grads[1] = b.select(b.compare(loses, rhs, lhs), zero, shared);
}

LogicalResult MaxOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  buildExtremum(Grad(builder, *this), Predicate::LT, resultGrads[0], getLhs(), getRhs(), needed,
                operandGrads);
  return success();
}

LogicalResult MinOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                   ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  buildExtremum(Grad(builder, *this), Predicate::GT, resultGrads[0], getLhs(), getRhs(), needed,
                operandGrads);
  return success();
}

LogicalResult SelectOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                      ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  Value g = resultGrads[0], zero = b.splat(g, 0);
  if (needed[1])
    operandGrads[1] = b.select(getCondition(), g, zero);
  if (needed[2])
    operandGrads[2] = b.select(getCondition(), zero, g);
  return success();
}
