// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See LoopBuilder.h.
#include "LoopBuilder.h"

#include "LinalgBuilder.h"

using namespace mlir;

namespace dpc::codegen {

std::pair<Value, Value> readIndex(KernelEmitter &e, Value indices, ArrayRef<Index> at,
                                  int64_t size) {
  Value index = e.evaluate(indices, at, {});
  if (!index)
    return {};
  Value bound = e.constant(e.b.getIntegerAttr(index.getType(), size));
  Value in = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, index, bound);
  return {arith::IndexCastOp::create(e.b, e.b.getIndexType(), index), in};
}

Value zeroOf(KernelEmitter &e, Value tensor) {
  return e.constant(cast<TypedAttr>(e.b.getZeroAttr(tensorType(tensor).getElementType())));
}

Value wideZeroOf(KernelEmitter &e, Value tensor) {
  Type compute = computeType(tensorType(tensor).getElementType());
  return e.constant(cast<TypedAttr>(e.b.getZeroAttr(compute)));
}

// Lane by lane, between an element type and the one it is computed in.
static Value convert(KernelEmitter &e, Value value, Type element) {
  auto vector = dyn_cast<VectorType>(value.getType());
  if (!vector)
    return convertFloat(e.b, value, element);
  Type type = vector.clone(element);
  if (type == vector)
    return value;
  if (vector.getElementTypeBitWidth() < element.getIntOrFloatBitWidth())
    return arith::ExtFOp::create(e.b, type, value);
  return arith::TruncFOp::create(e.b, type, value);
}

Value widen(KernelEmitter &e, Value value) {
  Type element = getElementTypeOrSelf(value.getType());
  return isa<FloatType>(element) ? convert(e, value, computeType(element)) : value;
}

Value narrow(KernelEmitter &e, Value value, Value tensor) {
  Type element = tensorType(tensor).getElementType();
  return isa<FloatType>(element) ? convert(e, value, element) : value;
}

Value addElements(KernelEmitter &e, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return arith::AddFOp::create(e.b, x, y);
  return arith::AddIOp::create(e.b, x, y);
}

Value precedes(KernelEmitter &e, bool smallest, Value x, Value i, Value y, Value j) {
  ImplicitLocOpBuilder &b = e.b;
  Value before, same;
  if (isa<FloatType>(x.getType())) {
    Value xNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x),
          yNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, y, y);
    Value ordered = arith::CmpFOp::create(
        b, smallest ? arith::CmpFPredicate::OLT : arith::CmpFPredicate::OGT, x, y);
    Value first = smallest ? yNan : xNan, second = smallest ? xNan : yNan;
    Value onlyFirst = arith::AndIOp::create(
        b, first, arith::XOrIOp::create(b, second, e.constant(b.getBoolAttr(true))));
    before = arith::OrIOp::create(b, ordered, onlyFirst);
    same = arith::OrIOp::create(b, arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, x, y),
                                arith::AndIOp::create(b, xNan, yNan));
  } else {
    before = arith::CmpIOp::create(
        b, smallest ? arith::CmpIPredicate::slt : arith::CmpIPredicate::sgt, x, y);
    same = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, y);
  }
  Value lower = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, i, j);
  return arith::OrIOp::create(b, before, arith::AndIOp::create(b, same, lower));
}

} // namespace dpc::codegen
