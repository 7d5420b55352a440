// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that are loops of their own: adding at indices, running sums, and
// selection of the largest. Each point of their range writes a part of the result
// that no other point touches, and adds in the order the operation states.
#include "ColumnBlocks.h"
#include "LoopBuilder.h"
#include "LoweringModels.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

// Block `number` calls `body` with the positions and lanes of each of its vectors.
using BlockBody = llvm::function_ref<LogicalResult(ArrayRef<Index>, ArrayRef<Lanes>)>;
LogicalResult emitVectors(KernelEmitter &e, const ColumnBlocks &blocks, Value number,
                          BlockBody body) {
  return blocks.emit(e, number, [&](Value first, int64_t columns) {
    int64_t lanes = blocks.lanes;
    SmallVector<Index> at;
    SmallVector<Lanes> masks;
    for (int64_t c = 0; c < columns; c += lanes) {
      at.push_back({e.add(first, c), lanes == 1 ? 0 : 1, {}});
      masks.push_back({lanes, columns - c < lanes ? e.constantMask(columns - c, lanes) : Value()});
    }
    return body(at, masks);
  });
}

// The widest register of any target: the number of points must not depend on it.
constexpr int64_t kBlockLanes = 16;

// buffer[offset + column] += value, for the vectors of a block.
LogicalResult addBlock(KernelEmitter &e, Value buffer, Type element, Value offset,
                       ArrayRef<Index> columns, ArrayRef<Lanes> masks,
                       llvm::function_ref<Value(Index, const Lanes &)> value) {
  for (auto [column, mask] : llvm::zip(columns, masks)) {
    Index at = e.add(Index{offset, 0, {}}, column, mask.count);
    Value v = value(column, mask);
    if (!v)
      return failure();
    Value old = e.load(buffer, element, at, mask);
    if (isa<VectorType>(old.getType()))
      v = e.broadcast(v, mask.count);
    Type compute = computeType(element);
    auto typed = [&](Type t) -> Type {
      return isa<VectorType>(old.getType()) ? Type(cast<VectorType>(old.getType()).clone(t)) : t;
    };
    if (compute != element) {
      Value sum = arith::AddFOp::create(e.b, arith::ExtFOp::create(e.b, typed(compute), old),
                                        arith::ExtFOp::create(e.b, typed(compute), v));
      e.store(buffer, at, arith::TruncFOp::create(e.b, old.getType(), sum), mask);
    } else {
      e.store(buffer, at, arith::AddFOp::create(e.b, old, v), mask);
    }
  }
  return success();
}

LogicalResult zeroBlock(KernelEmitter &e, Value buffer, Value zero, Value offset,
                        ArrayRef<Index> columns, ArrayRef<Lanes> masks) {
  for (auto [column, mask] : llvm::zip(columns, masks))
    e.store(buffer, e.add(Index{offset, 0, {}}, column, mask.count),
            mask.count > 1 ? e.broadcast(zero, mask.count) : zero, mask);
  return success();
}

struct ScatterAdd : LoopLoweringOpInterface::ExternalModel<ScatterAdd, nn::ScatterAddOp> {
  struct Shape {
    int64_t outer, size, inner, count;
  };
  static Shape shapeOf(nn::ScatterAddOp op) {
    ArrayRef<int64_t> result = tensorType(op.getResult()).getShape();
    int64_t axis = op.getAxis();
    return {product(result.take_front(axis)), result[axis], product(result.drop_front(axis + 1)),
            tensorType(op.getIndices()).getNumElements()};
  }
  int64_t getLoopPoints(Operation *op) const {
    Shape s = shapeOf(cast<nn::ScatterAddOp>(op));
    return s.outer * ColumnBlocks(s.inner, kBlockLanes).blocks;
  }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<nn::ScatterAddOp>(generic);
    Shape s = shapeOf(op);
    ColumnBlocks blocks(s.inner, kBlockLanes);
    Value buffer = e.getOutput(op.getResult()), zero = zeroOf(e, op.getResult());
    Type element = tensorType(op.getResult()).getElementType();
    Value outer, number;
    std::tie(outer, number) = blocks.split(e, point);
    Value start = e.mul(outer, s.size * s.inner);
    ArrayRef<int64_t> shape = tensorType(op.getUpdates()).getShape(),
                      indexShape = tensorType(op.getIndices()).getShape();
    return emitVectors(
        e, blocks, number, [&](ArrayRef<Index> columns, ArrayRef<Lanes> masks) -> LogicalResult {
          if (failed(forLoop(e, 0, s.size, [&](Value r) {
                return zeroBlock(e, buffer, zero, e.add(start, e.mul(r, s.inner)), columns, masks);
              })))
            return failure();
          return forLoop(e, 0, s.count, [&](Value i) -> LogicalResult {
            SmallVector<Index> from = e.delinearize({i, 0, {}}, indexShape, 1);
            auto [index, in] = readIndex(e, op.getIndices(), from, s.size);
            if (!index)
              return failure();
            auto guarded = scf::IfOp::create(e.b, in, false);
            KernelEmitter::Scope scope(e);
            e.b.setInsertionPointToStart(guarded.thenBlock());
            Value offset = e.add(start, e.mul(index, s.inner));
            return addBlock(
                e, buffer, element, offset, columns, masks, [&](Index column, const Lanes &mask) {
                  size_t axis = op.getAxis();
                  SmallVector<Index> at = e.delinearize({outer, 0, {}}, shape.take_front(axis), 1);
                  llvm::append_range(at, from);
                  ArrayRef<int64_t> rest = shape.drop_front(axis + indexShape.size());
                  if (rest.size() == 1)
                    at.push_back(column);
                  else
                    llvm::append_range(at, e.delinearize(column, rest, mask.count));
                  return e.evaluate(op.getUpdates(), at, mask);
                });
          });
        });
  }
};

struct ScatterNdAdd : LoopLoweringOpInterface::ExternalModel<ScatterNdAdd, nn::ScatterNdAddOp> {
  struct Shape {
    int64_t batch, tuples, table, inner, depth;
  };
  static Shape shapeOf(nn::ScatterNdAddOp op) {
    ArrayRef<int64_t> result = tensorType(op.getResult()).getShape(),
                      indices = tensorType(op.getIndices()).getShape();
    int64_t b = op.getBatchDims(), n = indices.back();
    return {product(result.take_front(b)), product(indices.drop_front(b).drop_back()),
            product(result.slice(b, n)), product(result.drop_front(b + n)), n};
  }
  int64_t getLoopPoints(Operation *op) const {
    Shape s = shapeOf(cast<nn::ScatterNdAddOp>(op));
    return s.batch * ColumnBlocks(s.inner, kBlockLanes).blocks;
  }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<nn::ScatterNdAddOp>(generic);
    Shape s = shapeOf(op);
    ColumnBlocks blocks(s.inner, kBlockLanes);
    Value buffer = e.getOutput(op.getResult()), zero = zeroOf(e, op.getResult());
    Type element = tensorType(op.getResult()).getElementType();
    ArrayRef<int64_t> result = tensorType(op.getResult()).getShape(),
                      indices = tensorType(op.getIndices()).getShape();
    ArrayRef<int64_t> updates = tensorType(op.getUpdates()).getShape();
    int64_t batchDims = op.getBatchDims(), outerDims = indices.size() - 1;
    Value batch, number;
    std::tie(batch, number) = blocks.split(e, point);
    Value start = e.mul(batch, s.table * s.inner);
    return emitVectors(
        e, blocks, number, [&](ArrayRef<Index> columns, ArrayRef<Lanes> masks) -> LogicalResult {
          if (failed(forLoop(e, 0, s.table, [&](Value r) {
                return zeroBlock(e, buffer, zero, e.add(start, e.mul(r, s.inner)), columns, masks);
              })))
            return failure();
          return forLoop(e, 0, s.tuples, [&](Value i) -> LogicalResult {
            SmallVector<Index> from = e.delinearize({e.add(e.mul(batch, s.tuples), i), 0, {}},
                                                    indices.take_front(outerDims), 1);
            Value row = e.constantIndex(0), inside;
            SmallVector<Index> at(from);
            at.push_back({});
            for (int64_t t = 0; t < s.depth; ++t) {
              at.back() = {e.constantIndex(t), 0, {}};
              int64_t size = result[batchDims + t];
              auto [index, in] = readIndex(e, op.getIndices(), at, size);
              if (!index)
                return failure();
              row = e.add(e.mul(row, size), index);
              inside = inside ? Value(arith::AndIOp::create(e.b, inside, in)) : in;
            }
            auto guarded = scf::IfOp::create(e.b, inside, false);
            KernelEmitter::Scope scope(e);
            e.b.setInsertionPointToStart(guarded.thenBlock());
            return addBlock(e, buffer, element, e.add(start, e.mul(row, s.inner)), columns, masks,
                            [&](Index column, const Lanes &mask) {
                              SmallVector<Index> where(from);
                              ArrayRef<int64_t> rest = updates.drop_front(outerDims);
                              if (rest.size() == 1)
                                where.push_back(column);
                              else
                                llvm::append_range(where, e.delinearize(column, rest, mask.count));
                              return e.evaluate(op.getUpdates(), where, mask);
                            });
          });
        });
  }
};

// One point: indices of different lines may meet in no other way than in order.
struct ScatterElementsAdd
    : LoopLoweringOpInterface::ExternalModel<ScatterElementsAdd, nn::ScatterElementsAddOp> {
  int64_t getLoopPoints(Operation *) const { return 1; }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value) const {
    auto op = cast<nn::ScatterElementsAddOp>(generic);
    ArrayRef<int64_t> result = tensorType(op.getResult()).getShape(),
                      indices = tensorType(op.getIndices()).getShape();
    Value buffer = e.getOutput(op.getResult()), zero = zeroOf(e, op.getResult());
    Type element = tensorType(op.getResult()).getElementType();
    if (failed(forLoop(e, 0, product(result), [&](Value i) {
          e.store(buffer, {i, 0, {}}, zero, {});
          return success();
        })))
      return failure();
    return forLoop(e, 0, product(indices), [&](Value i) -> LogicalResult {
      SmallVector<Index> at = e.delinearize({i, 0, {}}, indices, 1), to(at);
      auto [index, in] = readIndex(e, op.getIndices(), at, result[op.getAxis()]);
      if (!index)
        return failure();
      to[op.getAxis()] = {index, 0, {}};
      auto guarded = scf::IfOp::create(e.b, in, false);
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(guarded.thenBlock());
      Value offset = e.linearize(to, result, 1).base;
      return addBlock(e, buffer, element, offset, {Index{e.constantIndex(0), 0, {}}}, {Lanes{}},
                      [&](Index, const Lanes &) { return e.evaluate(op.getUpdates(), at, {}); });
    });
  }
};

struct CumSum : LoopLoweringOpInterface::ExternalModel<CumSum, nn::CumSumOp> {
  struct Shape {
    int64_t outer, size, inner;
  };
  static Shape shapeOf(nn::CumSumOp op) {
    ArrayRef<int64_t> shape = tensorType(op.getResult()).getShape();
    int64_t axis = op.getAxis();
    return {product(shape.take_front(axis)), shape[axis], product(shape.drop_front(axis + 1))};
  }
  int64_t getLoopPoints(Operation *op) const {
    Shape s = shapeOf(cast<nn::CumSumOp>(op));
    return s.outer * s.inner;
  }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<nn::CumSumOp>(generic);
    Shape s = shapeOf(op);
    Value buffer = e.getOutput(op.getResult()), zero = wideZeroOf(e, op.getResult());
    ArrayRef<int64_t> shape = tensorType(op.getResult()).getShape();
    Value outer = arith::DivUIOp::create(e.b, point, e.constantIndex(s.inner)),
          inner = arith::RemUIOp::create(e.b, point, e.constantIndex(s.inner));
    auto loop = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(s.size),
                                   e.constantIndex(1), ValueRange{zero});
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    Value step = loop.getInductionVar();
    if (op.getReverse())
      step = arith::SubIOp::create(e.b, e.constantIndex(s.size - 1), step);
    Value linear = e.add(e.mul(e.add(e.mul(outer, s.size), step), s.inner), inner);
    Value element = e.evaluate(op.getOperand(), e.delinearize({linear, 0, {}}, shape, 1), {});
    if (!element)
      return failure();
    element = widen(e, element);
    Value before = loop.getRegionIterArgs()[0], after = addElements(e, before, element);
    e.store(buffer, {linear, 0, {}}, narrow(e, op.getExclusive() ? before : after, op.getResult()),
            {});
    scf::YieldOp::create(e.b, ValueRange{after});
    return success();
  }
};

// The next largest of a row after the last one taken, k times. Elements are ordered
// by value, equal ones by index; NaN comes before all numbers, as the largest.
struct TopK : LoopLoweringOpInterface::ExternalModel<TopK, nn::TopKOp> {
  int64_t getLoopPoints(Operation *op) const {
    RankedTensorType type = tensorType(cast<nn::TopKOp>(op).getOperand());
    return type.getShape().back() ? type.getNumElements() / type.getShape().back() : 0;
  }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<nn::TopKOp>(generic);
    RankedTensorType type = tensorType(op.getOperand());
    int64_t size = type.getShape().back(), k = op.getK();
    auto &b = e.b;
    Value none = e.constantIndex(-1);
    Value zero = wideZeroOf(e, op.getOperand());
    SmallVector<Index> row = e.delinearize({point, 0, {}}, type.getShape().drop_back(), 1);
    auto precedes = [&](Value x, Value i, Value y, Value j) {
      return codegen::precedes(e, op.getSmallest(), x, i, y, j);
    };
    auto taken = scf::ForOp::create(b, e.constantIndex(0), e.constantIndex(k), e.constantIndex(1),
                                    ValueRange{zero, none});
    KernelEmitter::Scope outer(e);
    b.setInsertionPointToStart(taken.getBody());
    Value lastValue = taken.getRegionIterArgs()[0], lastIndex = taken.getRegionIterArgs()[1];
    auto scan = scf::ForOp::create(b, e.constantIndex(0), e.constantIndex(size), e.constantIndex(1),
                                   ValueRange{zero, none});
    {
      KernelEmitter::Scope inner(e);
      b.setInsertionPointToStart(scan.getBody());
      Value i = scan.getInductionVar(), bestValue = scan.getRegionIterArgs()[0],
            bestIndex = scan.getRegionIterArgs()[1];
      SmallVector<Index> at(row);
      at.push_back({i, 0, {}});
      Value x = e.evaluate(op.getOperand(), at, {});
      if (!x)
        return failure();
      x = widen(e, x);
      auto isNone = [&](Value index) -> Value {
        return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, index, e.constantIndex(0));
      };
      Value left = arith::OrIOp::create(b, isNone(lastIndex), precedes(lastValue, lastIndex, x, i));
      Value better =
          arith::OrIOp::create(b, isNone(bestIndex), precedes(x, i, bestValue, bestIndex));
      Value take = arith::AndIOp::create(b, left, better);
      scf::YieldOp::create(b, ValueRange{arith::SelectOp::create(b, take, x, bestValue),
                                         arith::SelectOp::create(b, take, i, bestIndex)});
    }
    b.setInsertionPointAfter(scan);
    Value at = e.add(e.mul(point, k), taken.getInductionVar());
    Type indexType = tensorType(op.getIndices()).getElementType();
    if (Value values = e.getOutput(op.getValues()))
      e.store(values, {at, 0, {}}, narrow(e, scan.getResult(0), op.getValues()), {});
    if (Value indices = e.getOutput(op.getIndices()))
      e.store(indices, {at, 0, {}}, arith::IndexCastOp::create(b, indexType, scan.getResult(1)),
              {});
    scf::YieldOp::create(b, scan.getResults());
    return success();
  }
};

} // namespace

void attachLoopLowerings(MLIRContext *context) {
  nn::ScatterAddOp::attachInterface<ScatterAdd>(*context);
  nn::ScatterNdAddOp::attachInterface<ScatterNdAdd>(*context);
  nn::ScatterElementsAddOp::attachInterface<ScatterElementsAdd>(*context);
  nn::CumSumOp::attachInterface<CumSum>(*context);
  nn::TopKOp::attachInterface<TopK>(*context);
}

} // namespace dpc::codegen
