// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Adding at indices, turned around: each row of the table looks for the indices that name
// it, and sums their updates in ascending order. Nothing is written twice and nothing is
// atomic, so the bits do not depend on when threads run.
#include "../LinalgBuilder.h"
#include "../LoopBuilder.h"
#include "DeviceLoops.h"
#include "Team.h"
#include "dpc/Dialect/NN/NN.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

constexpr int64_t kMaxVectors = 4; // that a thread sums of a row

// A table that rows are added to, in `outer` copies of each other's indices or own ones.
struct Table {
  int64_t outer, rows, inner, count; // count: updates
  // The row that update `i` is added to, and whether there is one.
  llvm::function_ref<std::pair<Value, Value>(KernelEmitter &, Value outer, Value i)> rowOf;
  // A vector of update `i`.
  llvm::function_ref<Value(KernelEmitter &, Value outer, Value i, Index, const Lanes &)> updateAt;
};

// A warp for a row of the table, or for as much of it as its threads have accumulators
// for. It reads 32 indices at a time and then adds those that name the row.
class TableRow {
public:
  TableRow(DeviceFunction &f, const Table &table, Value result, Value lane, int64_t lanes,
           int64_t vectors)
      : f(f), e(f.e), table(table), result(result), lane(lane), lanes(lanes), vectors(vectors) {}

  LogicalResult run(Value outer, Value row, Value firstColumn) {
    for (int64_t v = 0; v < vectors; ++v) {
      Value column = e.add(firstColumn, e.mul(lane, lanes));
      columns.push_back(e.add(column, v * kWarp * lanes));
      inside.push_back(
          f.compare(arith::CmpIPredicate::ult, columns.back(), e.constantIndex(table.inner)));
    }
    Value zero = e.broadcast(wideZeroOf(e, result), lanes);
    auto scan = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(table.count),
                                   e.constantIndex(kWarp), SmallVector<Value>(vectors, zero));
    {
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(scan.getBody());
      Value first = scan.getInductionVar(), found = findMatches(outer, row, first);
      if (!found)
        return failure();
      auto sums = addMatches(outer, first, found, scan.getRegionIterArgs());
      if (failed(sums))
        return failure();
      scf::YieldOp::create(e.b, *sums);
    }
    Value start = e.mul(e.add(e.mul(outer, table.rows), row), table.inner);
    for (auto [column, in, sum] : llvm::zip(columns, inside, scan.getResults()))
      (void)f.emitIf(in, [&, column = column, sum = sum] {
        Index at{e.add(start, column), lanes == 1 ? 0 : 1, {}};
        e.store(e.getOutput(result), at, narrow(e, sum, result), {lanes, {}});
        return success();
      });
    return success();
  }

private:
  // A bit for each of the updates from `first` on that is added to the row; the same in
  // all threads.
  Value findMatches(Value outer, Value row, Value first) {
    Value i = e.add(first, lane);
    Value last = e.constantIndex(table.count - 1);
    auto [target, in] = table.rowOf(e, outer, arith::MinUIOp::create(e.b, i, last));
    if (!target)
      return {};
    Value exists = f.compare(arith::CmpIPredicate::ule, i, last);
    Value matches = arith::AndIOp::create(
        e.b, exists,
        arith::AndIOp::create(e.b, in, f.compare(arith::CmpIPredicate::eq, target, row)));
    Type i32 = e.b.getI32Type();
    Value bit = arith::ShLIOp::create(e.b, e.constant(e.b.getI32IntegerAttr(1)),
                                      arith::IndexCastOp::create(e.b, i32, lane));
    Value found = arith::SelectOp::create(e.b, matches, bit, e.constant(e.b.getI32IntegerAttr(0)));
    // Threads that neither look at an index nor add to a column need not know.
    int64_t busy = std::max(table.count, int64_t(llvm::divideCeil(table.inner, lanes)));
    for (int64_t distance = roundUpInWarp(busy) / 2; distance > 0; distance /= 2)
      found = arith::OrIOp::create(e.b, found, f.exchange(found, distance));
    return found;
  }

  // Adds the updates of the set bits, the lowest first.
  FailureOr<SmallVector<Value>> addMatches(Value outer, Value first, Value found,
                                           ValueRange before) {
    SmallVector<Value> start = {found};
    llvm::append_range(start, before);
    SmallVector<Type> types(ValueRange(start).getTypes());
    SmallVector<Location> locations(types.size(), e.b.getLoc());
    auto loop = scf::WhileOp::create(e.b, types, start);
    KernelEmitter::Scope scope(e);
    Block *condition = e.b.createBlock(&loop.getBefore(), {}, types, locations);
    Value zero = e.constant(e.b.getI32IntegerAttr(0));
    scf::ConditionOp::create(e.b,
                             f.compare(arith::CmpIPredicate::ne, condition->getArgument(0), zero),
                             condition->getArguments());
    Block *body = e.b.createBlock(&loop.getAfter(), {}, types, locations);
    Value bits = body->getArgument(0);
    Value lowest = math::CountTrailingZerosOp::create(e.b, bits);
    Value one = e.constant(e.b.getI32IntegerAttr(1));
    SmallVector<Value> next = {
        arith::AndIOp::create(e.b, bits, arith::SubIOp::create(e.b, bits, one))};
    Value i = e.add(first, arith::IndexCastUIOp::create(e.b, e.b.getIndexType(), lowest));
    for (auto [column, in, sum] : llvm::zip(columns, inside, body->getArguments().drop_front())) {
      auto branch = scf::IfOp::create(e.b, sum.getType(), in, /*withElseRegion=*/true);
      {
        KernelEmitter::Scope inBranch(e);
        e.b.setInsertionPointToStart(branch.thenBlock());
        Value update = table.updateAt(e, outer, i, {column, lanes == 1 ? 0 : 1, {}}, {lanes, {}});
        if (!update)
          return failure();
        update = e.broadcast(widen(e, update), lanes);
        scf::YieldOp::create(e.b, addElements(e, sum, update));
        e.b.setInsertionPointToStart(branch.elseBlock());
        scf::YieldOp::create(e.b, Value(sum));
      }
      next.push_back(branch.getResult(0));
    }
    scf::YieldOp::create(e.b, next);
    return SmallVector<Value>(loop.getResults().drop_front());
  }

  DeviceFunction &f;
  KernelEmitter &e;
  const Table &table;
  Value result, lane;
  int64_t lanes, vectors;
  SmallVector<Value> columns, inside;
};

LogicalResult mapTable(DeviceKernel &kernel, Value result, const Table &table) {
  int64_t lanes = kernel.chooseLanes(table.inner, product(shapeOf(result)));
  int64_t vectors =
      std::clamp<int64_t>(llvm::divideCeil(table.inner, kWarp * lanes), 1, kMaxVectors);
  int64_t width = kWarp * lanes * vectors, blocks = llvm::divideCeil(table.inner, width);
  return mapTasks(kernel, "scatter: a warp per row of the table", table.outer * table.rows * blocks,
                  lanes, [&](DeviceFunction &f, Value task, Value lane) {
                    Value line = f.div(task, blocks);
                    TableRow row(f, table, result, lane, lanes, vectors);
                    return row.run(f.div(line, table.rows), f.rem(line, table.rows),
                                   f.e.mul(f.rem(task, blocks), width));
                  });
}

// The position of a column among a tensor's trailing dimensions.
void appendColumn(KernelEmitter &e, SmallVectorImpl<Index> &at, ArrayRef<int64_t> trailing,
                  Index column, int64_t lanes) {
  if (trailing.size() == 1)
    at.push_back(column);
  else
    llvm::append_range(at, e.delinearize(column, trailing, lanes));
}

struct ScatterAdd : DeviceLoopsOpInterface::ExternalModel<ScatterAdd, nn::ScatterAddOp> {
  LogicalResult mapToDevice(Operation *generic, DeviceKernel &kernel) const {
    auto op = cast<nn::ScatterAddOp>(generic);
    ArrayRef<int64_t> result = shapeOf(op.getResult()), indices = shapeOf(op.getIndices()),
                      updates = shapeOf(op.getUpdates());
    int64_t axis = op.getAxis();
    auto rowOf = [&](KernelEmitter &e, Value, Value i) {
      return readIndex(e, op.getIndices(), e.delinearize({i, 0, {}}, indices, 1), result[axis]);
    };
    auto updateAt = [&](KernelEmitter &e, Value outer, Value i, Index column, const Lanes &lanes) {
      SmallVector<Index> at = e.delinearize({outer, 0, {}}, updates.take_front(axis), 1);
      llvm::append_range(at, e.delinearize({i, 0, {}}, indices, 1));
      appendColumn(e, at, updates.drop_front(axis + indices.size()), column, lanes.count);
      return e.evaluate(op.getUpdates(), at, lanes);
    };
    return mapTable(kernel, op.getResult(),
                    {product(result.take_front(axis)), result[axis],
                     product(result.drop_front(axis + 1)), product(indices), rowOf, updateAt});
  }
};

struct ScatterNdAdd : DeviceLoopsOpInterface::ExternalModel<ScatterNdAdd, nn::ScatterNdAddOp> {
  LogicalResult mapToDevice(Operation *generic, DeviceKernel &kernel) const {
    auto op = cast<nn::ScatterNdAddOp>(generic);
    ArrayRef<int64_t> result = shapeOf(op.getResult()), indices = shapeOf(op.getIndices()),
                      updates = shapeOf(op.getUpdates());
    int64_t batchDims = op.getBatchDims(), depth = indices.back();
    ArrayRef<int64_t> places = indices.drop_back(); // of index tuples
    int64_t count = product(places.drop_front(batchDims));
    auto placeOf = [&](KernelEmitter &e, Value batch, Value i) {
      return e.delinearize({e.add(e.mul(batch, count), i), 0, {}}, places, 1);
    };
    auto rowOf = [&](KernelEmitter &e, Value batch, Value i) -> std::pair<Value, Value> {
      SmallVector<Index> at = placeOf(e, batch, i);
      at.push_back({});
      Value row = e.constantIndex(0), inside = e.constant(e.b.getBoolAttr(true));
      for (int64_t d = 0; d < depth; ++d) {
        at.back() = {e.constantIndex(d), 0, {}};
        int64_t size = result[batchDims + d];
        auto [index, in] = readIndex(e, op.getIndices(), at, size);
        if (!index)
          return {};
        row = e.add(e.mul(row, size), index);
        inside = arith::AndIOp::create(e.b, inside, in);
      }
      return {row, inside};
    };
    auto updateAt = [&](KernelEmitter &e, Value batch, Value i, Index column, const Lanes &lanes) {
      SmallVector<Index> at = placeOf(e, batch, i);
      appendColumn(e, at, updates.drop_front(places.size()), column, lanes.count);
      return e.evaluate(op.getUpdates(), at, lanes);
    };
    return mapTable(kernel, op.getResult(),
                    {product(result.take_front(batchDims)), product(result.slice(batchDims, depth)),
                     product(result.drop_front(batchDims + depth)), count, rowOf, updateAt});
  }
};

// A thread for an element of the table, which looks through the line of indices that may
// name it.
struct ScatterElementsAdd
    : DeviceLoopsOpInterface::ExternalModel<ScatterElementsAdd, nn::ScatterElementsAddOp> {
  static constexpr int64_t kBlock = 128;

  static LogicalResult emitElement(DeviceFunction &f, nn::ScatterElementsAddOp op, Value number) {
    KernelEmitter &e = f.e;
    ArrayRef<int64_t> result = shapeOf(op.getResult()), indices = shapeOf(op.getIndices());
    size_t axis = op.getAxis();
    SmallVector<Index> to = e.delinearize({number, 0, {}}, result, 1);
    Value high = e.constantIndex(indices[axis]);
    for (size_t d = 0; d < to.size(); ++d) {
      if (d == axis || indices[d] == result[d])
        continue;
      Value in = f.compare(arith::CmpIPredicate::ult, to[d].base, e.constantIndex(indices[d]));
      high = arith::SelectOp::create(e.b, in, high, e.constantIndex(0));
    }
    auto loop = scf::ForOp::create(e.b, e.constantIndex(0), high, e.constantIndex(1),
                                   ValueRange{wideZeroOf(e, op.getResult())});
    {
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(loop.getBody());
      SmallVector<Index> at(to);
      at[axis] = {loop.getInductionVar(), 0, {}};
      auto [index, in] = readIndex(e, op.getIndices(), at, result[axis]);
      Value update = e.evaluate(op.getUpdates(), at, {});
      if (!index || !update)
        return failure();
      Value matches =
          arith::AndIOp::create(e.b, in, f.compare(arith::CmpIPredicate::eq, index, to[axis].base));
      Value before = loop.getRegionIterArgs()[0];
      Value after = addElements(e, before, widen(e, update));
      scf::YieldOp::create(e.b, Value(arith::SelectOp::create(e.b, matches, after, before)));
    }
    e.store(e.getOutput(op.getResult()), {number, 0, {}},
            narrow(e, loop.getResult(0), op.getResult()), {});
    return success();
  }

  LogicalResult mapToDevice(Operation *generic, DeviceKernel &kernel) const {
    auto op = cast<nn::ScatterElementsAddOp>(generic);
    int64_t count = product(shapeOf(op.getResult()));
    return kernel.addFunction(
        "scatter: a thread per element of the table", llvm::divideCeil(count, kBlock), kBlock, 1,
        [&](DeviceFunction &f) {
          f.e.setOutput(op.getResult(), f.outputs.buffers[0]);
          Value number = f.e.add(f.e.mul(f.block, kBlock), f.thread);
          return f.emitIf(f.compare(arith::CmpIPredicate::ult, number, f.e.constantIndex(count)),
                          [&] { return emitElement(f, op, number); });
        });
  }
};

} // namespace

void attachScatterLoops(MLIRContext *context) {
  nn::ScatterAddOp::attachInterface<ScatterAdd>(*context);
  nn::ScatterNdAddOp::attachInterface<ScatterNdAdd>(*context);
  nn::ScatterElementsAddOp::attachInterface<ScatterElementsAdd>(*context);
}

} // namespace dpc::codegen
