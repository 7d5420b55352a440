// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See LinalgBuilder.h.
#include "LinalgBuilder.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dpc::codegen {

Value constant(ImplicitLocOpBuilder &b, Type type, double value) {
  if (auto f = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(b, b.getFloatAttr(f, value));
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

RankedTensorType loweredType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  Type element = tensor.getElementType();
  if (element.isUnsignedInteger())
    element = IntegerType::get(type.getContext(), element.getIntOrFloatBitWidth());
  return RankedTensorType::get(tensor.getShape(), element);
}

Type computeType(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32
             ? Float32Type::get(type.getContext())
             : type;
}

// f64 as f32 with the last bit set wherever anything was lost ("round to odd"): rounded
// again, to so many bits less, it is what f64 would be rounded to at once (Boldo and
// Melquiond, "When double rounding is odd", 2005).
static Value roundToOdd(ImplicitLocOpBuilder &b, Value wide) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Value near = arith::TruncFOp::create(b, f32, wide),
        back = arith::ExtFOp::create(b, wide.getType(), near);
  Value bits = arith::BitcastOp::create(b, i32, near);
  Value isExact = arith::CmpFOp::create(b, arith::CmpFPredicate::UEQ, back, wide); // NaN, too
  Value isOdd = arith::CmpIOp::create(b, arith::CmpIPredicate::ne,
                                      arith::AndIOp::create(b, bits, constant(b, i32, 1)),
                                      constant(b, i32, 0));
  // The odd one of both neighbours is the other: towards zero if this is too far away.
  Value isFar = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, math::AbsFOp::create(b, back),
                                      math::AbsFOp::create(b, wide));
  Value other = arith::AddIOp::create(
      b, bits, arith::SelectOp::create(b, isFar, constant(b, i32, -1), constant(b, i32, 1)));
  Value stays = arith::OrIOp::create(b, isExact, isOdd);
  return arith::BitcastOp::create(b, f32, arith::SelectOp::create(b, stays, bits, other));
}

Value convertFloat(ImplicitLocOpBuilder &b, Value v, Type type) {
  unsigned from = v.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (v.getType() == type)
    return v;
  // Between 16 bits and f64 there is no instruction, and what LLVM calls instead is not
  // there: by way of f32.
  if (from == 16 && to == 64)
    v = arith::ExtFOp::create(b, b.getF32Type(), v);
  if (from == 64 && to == 16)
    v = roundToOdd(b, v);
  if (from < to)
    return arith::ExtFOp::create(b, type, v);
  return arith::TruncFOp::create(b, type, v);
}

Value LinalgBuilder::map(Type resultType, ValueRange inputs, ArrayRef<AffineMap> maps, Body body) {
  RankedTensorType type = loweredType(resultType);
  unsigned rank = type.getRank();
  SmallVector<AffineMap> all(maps.begin(), maps.end());
  all.resize(inputs.size(), identityMap(rank));
  all.push_back(identityMap(rank));
  Value init = tensor::EmptyOp::create(b, type.getShape(), type.getElementType());
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  auto generic =
      linalg::GenericOp::create(b, TypeRange{type}, inputs, ValueRange{init}, all, iterators,
                                [&](OpBuilder &builder, Location loc, ValueRange args) {
                                  ImplicitLocOpBuilder inner(loc, builder);
                                  linalg::YieldOp::create(inner, body(inner, args.drop_back()));
                                });
  return generic.getResult(0);
}

Value LinalgBuilder::reduce(Value input, ArrayRef<int64_t> axes, Combiner combiner) {
  RankedTensorType type = tensorType(input);
  Type element = type.getElementType();
  SmallVector<int64_t> shape;
  SmallVector<AffineExpr> kept;
  SmallVector<utils::IteratorType> iterators;
  for (int64_t i = 0; i < type.getRank(); ++i) {
    bool reduced = llvm::is_contained(axes, i);
    iterators.push_back(reduced ? utils::IteratorType::reduction : utils::IteratorType::parallel);
    if (reduced)
      continue;
    shape.push_back(type.getDimSize(i));
    kept.push_back(b.getAffineDimExpr(i));
  }
  // Without reduced dimensions there is nothing to combine.
  if (kept.size() == static_cast<size_t>(type.getRank()))
    return input;
  double identity = combiner == Combiner::Add ? 0.0 : -std::numeric_limits<double>::infinity();
  Value start;
  if (isa<FloatType>(element))
    start = constant(b, element, identity);
  else if (combiner == Combiner::Add)
    start = constant(b, element, 0);
  else
    start = arith::ConstantOp::create(
        b, b.getIntegerAttr(
               element, APInt::getSignedMinValue(element.getIntOrFloatBitWidth()).getSExtValue()));
  Value empty = tensor::EmptyOp::create(b, shape, element);
  Value init = linalg::FillOp::create(b, start, empty).getResult(0);
  AffineMap maps[] = {identityMap(type.getRank()),
                      AffineMap::get(type.getRank(), 0, kept, b.getContext())};
  auto generic = linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{input}, ValueRange{init}, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange args) {
        ImplicitLocOpBuilder inner(loc, builder);
        Value v;
        if (isa<FloatType>(element))
          v = combiner == Combiner::Add ? Value(arith::AddFOp::create(inner, args[1], args[0]))
              : combiner == Combiner::Maximum
                  ? Value(arith::MaximumFOp::create(inner, args[1], args[0]))
                  : Value(arith::MaxNumFOp::create(inner, args[1], args[0]));
        else
          v = combiner == Combiner::Add ? Value(arith::AddIOp::create(inner, args[1], args[0]))
                                        : Value(arith::MaxSIOp::create(inner, args[1], args[0]));
        linalg::YieldOp::create(inner, v);
      });
  return generic.getResult(0);
}

Value LinalgBuilder::reshape(Value input, ArrayRef<int64_t> shape) {
  RankedTensorType type = tensorType(input);
  if (type.getShape() == shape)
    return input;
  auto index = RankedTensorType::get({static_cast<int64_t>(shape.size())}, b.getIndexType());
  Value target = arith::ConstantOp::create(b, DenseIntElementsAttr::get(index, shape));
  return tensor::ReshapeOp::create(b, RankedTensorType::get(shape, type.getElementType()), input,
                                   target);
}

} // namespace dpc::codegen
