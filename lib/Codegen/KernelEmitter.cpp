// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Indices, loads, stores and what is remembered. See KernelEmitter.h; the
// evaluation of linalg itself is in Evaluate.cpp.
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {

Type bufferElementType(Type element) {
  return element.isInteger(1) ? IntegerType::get(element.getContext(), 8) : element;
}

bool isReduction(linalg::GenericOp op) { return op.getNumReductionLoops() > 0; }

SmallVector<Value> getSources(Operation *op) {
  SmallVector<Value> sources;
  if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
    llvm::append_range(sources, generic.getInputs());
    generic.getBody()->walk(
        [&](tensor::ExtractOp extract) { sources.push_back(extract.getTensor()); });
  } else if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    sources.push_back(reshape.getSource());
  } else {
    for (Value operand : op->getOperands())
      if (isa<RankedTensorType>(operand.getType()))
        sources.push_back(operand);
  }
  return sources;
}

KernelEmitter::KernelEmitter(func::FuncOp lowered, OpBuilder &builder, ValueRange buffers,
                             int64_t vectorLanes)
    : b(lowered.getLoc(), builder), vectorLanes(vectorLanes), lowered(lowered),
      entry(builder.getInsertionBlock()), buffers(buffers.begin(), buffers.end()) {
  memo.emplace_back();
}

//===----------------------------------------------------------------------===//
// Index arithmetic
//===----------------------------------------------------------------------===//

Value KernelEmitter::constant(TypedAttr value) {
  Value &known = constants[value];
  if (!known) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(entry);
    known = arith::ConstantOp::create(b, value);
  }
  return known;
}

Value KernelEmitter::constantIndex(int64_t value) { return constant(b.getIndexAttr(value)); }

static std::optional<int64_t> asConstant(Value v) { return getConstantIntValue(v); }

Value KernelEmitter::add(Value x, Value y) {
  std::optional<int64_t> cx = asConstant(x), cy = asConstant(y);
  if (cx && cy)
    return constantIndex(*cx + *cy);
  if (cx && *cx == 0)
    return y;
  if (cy && *cy == 0)
    return x;
  return arith::AddIOp::create(b, x, y, arith::IntegerOverflowFlags::nsw);
}

Value KernelEmitter::mul(Value x, int64_t y) {
  if (std::optional<int64_t> c = asConstant(x))
    return constantIndex(*c * y);
  if (y == 1)
    return x;
  if (y == 0)
    return constantIndex(0);
  return arith::MulIOp::create(b, x, constantIndex(y), arith::IntegerOverflowFlags::nsw);
}

Value KernelEmitter::materialize(const Index &index, int64_t lanes) {
  if (index.vector)
    return index.vector;
  Value base = broadcast(index.base, lanes);
  if (index.stride == 0)
    return base;
  SmallVector<int64_t> steps;
  for (int64_t i = 0; i < lanes; ++i)
    steps.push_back(i * index.stride);
  auto type = VectorType::get({lanes}, b.getIndexType());
  Value step = constant(cast<TypedAttr>(DenseIntElementsAttr::get(type, steps)));
  return arith::AddIOp::create(b, base, step);
}

Index KernelEmitter::add(const Index &x, const Index &y, int64_t lanes) {
  if (!x.vector && !y.vector)
    return {add(x.base, y.base), x.stride + y.stride, {}};
  return {{}, 0, arith::AddIOp::create(b, materialize(x, lanes), materialize(y, lanes))};
}

Index KernelEmitter::mul(const Index &x, int64_t y, int64_t lanes) {
  if (!x.vector)
    return {mul(x.base, y), x.stride * y, {}};
  if (y == 1)
    return x;
  return {{}, 0, arith::MulIOp::create(b, x.vector, broadcast(constantIndex(y), lanes))};
}

Index KernelEmitter::linearize(ArrayRef<Index> at, ArrayRef<int64_t> shape, int64_t lanes) {
  Index sum{constantIndex(0), 0, {}};
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i])
    sum = add(sum, mul(at[i], stride, lanes), lanes);
  return sum;
}

SmallVector<Index> KernelEmitter::delinearize(const Index &at, ArrayRef<int64_t> shape,
                                              int64_t lanes) {
  SmallVector<Index> result(shape.size());
  // All but the first non-unit dimension take a remainder.
  size_t first = 0;
  while (first < shape.size() && shape[first] == 1)
    result[first++] = {constantIndex(0), 0, {}};
  bool uniform = at.isUniform();
  Value rest = uniform ? at.base : materialize(at, lanes);
  for (size_t i = shape.size(); i-- > first;) {
    if (shape[i] == 1) {
      result[i] = {constantIndex(0), 0, {}};
      continue;
    }
    Value extent = uniform ? constantIndex(shape[i]) : broadcast(constantIndex(shape[i]), lanes);
    Value here = i == first ? rest : Value(arith::RemUIOp::create(b, rest, extent));
    if (i != first)
      rest = arith::DivUIOp::create(b, rest, extent);
    result[i] = uniform ? Index{here, 0, {}} : Index{{}, 0, here};
  }
  return result;
}

SmallVector<int64_t> KernelEmitter::dropUnits(ArrayRef<int64_t> shape) {
  return llvm::filter_to_vector(shape, [](int64_t extent) { return extent != 1; });
}

SmallVector<Index> KernelEmitter::dropUnits(ArrayRef<Index> at, ArrayRef<int64_t> shape) {
  SmallVector<Index> kept;
  for (auto [index, extent] : llvm::zip_equal(at, shape))
    if (extent != 1)
      kept.push_back(index);
  return kept;
}

void KernelEmitter::setRow(Value value) {
  row = value;
  rowSplits.clear();
  rowSplits[{}]; // a tensor without leading dimensions has one row
}

ArrayRef<Index> KernelEmitter::rowIndices(ArrayRef<int64_t> shape) {
  auto [it, isNew] = rowSplits.try_emplace(shape.vec());
  if (!isNew)
    return it->second;
  SmallVector<int64_t> longer = dropUnits(shape);
  if (longer.size() < shape.size()) {
    // Dimensions of extent 1 say nothing: the same rows are split the same way.
    ArrayRef<Index> split = rowIndices(longer);
    for (int64_t extent : shape) {
      it->second.push_back(extent == 1 ? Index{constantIndex(0), 0, {}} : split.front());
      split = split.drop_front(extent != 1);
    }
    return it->second;
  }
  // Where the row is known, so that all of its loops may use them.
  OpBuilder::InsertionGuard guard(b);
  if (Operation *def = row.getDefiningOp())
    b.setInsertionPointAfter(def);
  else
    b.setInsertionPointToStart(cast<BlockArgument>(row).getOwner());
  it->second = delinearize({row, 0, {}}, shape, 1);
  return it->second;
}

bool KernelEmitter::isInRow(ArrayRef<Index> at, ArrayRef<int64_t> shape) {
  if (!row)
    return false;
  SmallVector<int64_t> longer = dropUnits(shape);
  auto it = rowSplits.find(std::vector<int64_t>(longer.begin(), longer.end()));
  return it != rowSplits.end() && dropUnits(at, shape) == it->second;
}

//===----------------------------------------------------------------------===//
// Lanes, loads and stores
//===----------------------------------------------------------------------===//

Value KernelEmitter::broadcast(Value value, int64_t lanes) {
  if (isa<VectorType>(value.getType()) || lanes == 1)
    return value;
  return vector::BroadcastOp::create(b, VectorType::get({lanes}, value.getType()), value);
}

Value KernelEmitter::constantMask(int64_t active, int64_t lanes) {
  SmallVector<bool> bits(lanes, false);
  std::fill(bits.begin(), bits.begin() + active, true);
  return constant(
      cast<TypedAttr>(DenseIntElementsAttr::get(VectorType::get({lanes}, b.getI1Type()), bits)));
}

Value KernelEmitter::load(Value buffer, Type element, const Index &at, const Lanes &lanes) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  Value value;
  if (at.isUniform()) {
    value = memref::LoadOp::create(b, buffer, at.base);
  } else {
    auto type = VectorType::get({lanes.count}, stored);
    Value zero = constant(cast<TypedAttr>(b.getZeroAttr(type)));
    if (!at.vector && at.stride == 1) {
      if (lanes.mask)
        value =
            vector::MaskedLoadOp::create(b, type, buffer, ValueRange{at.base}, lanes.mask, zero);
      else
        value = vector::LoadOp::create(b, type, buffer, ValueRange{at.base});
    } else {
      Value mask = lanes.mask ? lanes.mask : constantMask(lanes.count, lanes.count);
      Index offsets = at.vector ? at : Index{constantIndex(0), at.stride, {}};
      Value base = at.vector ? constantIndex(0) : at.base;
      value = vector::GatherOp::create(b, type, buffer, ValueRange{base},
                                       materialize(offsets, lanes.count), mask, zero);
    }
  }
  if (stored == element)
    return value;
  // A boolean is a byte.
  Value zero = constant(cast<TypedAttr>(b.getZeroAttr(value.getType())));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ne, value, zero);
}

void KernelEmitter::store(Value buffer, const Index &at, Value value, const Lanes &lanes) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  if (getElementTypeOrSelf(value.getType()) != stored) {
    Type wide = isa<VectorType>(value.getType())
                    ? Type(VectorType::get(cast<VectorType>(value.getType()).getShape(), stored))
                    : stored;
    value = arith::ExtUIOp::create(b, wide, value);
  }
  if (at.isUniform()) {
    memref::StoreOp::create(b, value, buffer, ValueRange{at.base});
    return;
  }
  assert(!at.vector && at.stride == 1 && "results are written contiguously");
  value = broadcast(value, lanes.count);
  if (lanes.mask)
    vector::MaskedStoreOp::create(b, buffer, ValueRange{at.base}, lanes.mask, value);
  else
    vector::StoreOp::create(b, value, buffer, ValueRange{at.base});
}

//===----------------------------------------------------------------------===//
// Reductions' bodies
//===----------------------------------------------------------------------===//

Value KernelEmitter::combine(linalg::GenericOp reduction, Value acc, Value value) {
  Operation &op = reduction.getBody()->front();
  if (auto vector = dyn_cast<VectorType>(acc.getType()))
    value = broadcast(value, vector.getNumElements());
  if (isa<arith::MaxNumFOp>(op)) {
    // One machine instruction; a NaN in `value` is passed over.
    Value greater = arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, value, acc);
    return arith::SelectOp::create(b, greater, value, acc);
  }
  IRMapping map;
  map.map(reduction.getBody()->getArgument(0), value);
  map.map(reduction.getBody()->getArgument(1), acc);
  Operation *copy = b.clone(op, map);
  copy->getResult(0).setType(acc.getType());
  return copy->getResult(0);
}

Value KernelEmitter::identity(linalg::GenericOp reduction, int64_t lanes) {
  auto fill = reduction.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  auto value = fill.getInputs()[0].getDefiningOp<arith::ConstantOp>();
  return broadcast(constant(value.getValue()), lanes);
}

} // namespace dpc::codegen
