// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Flat kernels and kernels over rows. A row is passed over once per level of
// reductions: softmax, say, finds the maximum, then exponentials and their sum,
// then the quotients. Each pass computes from memory (or the row's scratch) all
// that its results need.
#include "EmitKernel.h"
#include "Strips.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {

LogicalResult emitFlat(KernelEmitter &e, const KernelForm &form, KernelFrame &frame) {
  int64_t count = form.inner;
  StripPlan plan = StripPlan::get(count, e.vectorLanes);
  int64_t strip = plan.lanes * plan.unroll, whole = count / strip * strip;
  auto compute = [&](Value at, const Lanes &lanes) -> LogicalResult {
    Index index{at, lanes.count == 1 ? 0 : 1, {}};
    for (auto [value, buffer] : llvm::zip(frame.outputs.values, frame.outputs.buffers)) {
      Value result = e.evaluate(value, Position{{index}, true}, lanes);
      if (!result)
        return failure();
      e.store(buffer, index, result, lanes);
    }
    return success();
  };
  Value low = e.mul(frame.begin, kFlatTile), high = e.mul(frame.end, kFlatTile);
  if (whole > 0) {
    Value stop = arith::MinSIOp::create(e.b, high, e.constantIndex(whole));
    auto loop = scf::ForOp::create(e.b, low, stop, e.constantIndex(strip));
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    for (int64_t u = 0; u < plan.unroll; ++u)
      if (failed(compute(e.add(loop.getInductionVar(), u * plan.lanes), {plan.lanes, {}})))
        return failure();
  }
  if (whole == count)
    return success();
  // The call that has the last tile computes what is left of it.
  Value last = arith::CmpIOp::create(e.b, arith::CmpIPredicate::sge, high, e.constantIndex(count));
  Value any = arith::CmpIOp::create(e.b, arith::CmpIPredicate::slt, low, high);
  auto rest =
      scf::IfOp::create(e.b, arith::AndIOp::create(e.b, last, any), /*withElseRegion=*/false);
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(rest.thenBlock());
  int64_t done = whole;
  for (; done + plan.lanes <= count; done += plan.lanes)
    if (failed(compute(e.constantIndex(done), {plan.lanes, {}})))
      return failure();
  if (done < count)
    return compute(e.constantIndex(done), {plan.lanes, e.constantMask(count - done, plan.lanes)});
  return success();
}

namespace {
// The passes over one row.
struct RowPasses {
  KernelEmitter &e;
  const KernelForm &form;
  KernelFrame &frame;
  Depths depths;
  SmallVector<linalg::GenericOp> reductions;
  Value row, rowStart;

  RowPasses(KernelEmitter &e, const KernelForm &form, KernelFrame &frame)
      : e(e), form(form), frame(frame) {
    for (Operation *op : getReached(frame.outputs.values))
      if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
        reductions.push_back(generic);
  }

  static ArrayRef<int64_t> shapeOf(Value v) {
    return cast<RankedTensorType>(v.getType()).getShape();
  }
  bool isFull(Value v) {
    ArrayRef<int64_t> shape = shapeOf(v);
    return !shape.empty() && shape.back() == form.inner &&
           ShapedType::getNumElements(shape) == form.rows * form.inner;
  }
  Position positionOf(Value full, Index at) {
    Position position;
    llvm::append_range(position.dims, e.rowIndices(shapeOf(full).drop_back()));
    position.dims.push_back(at);
    return position;
  }

  LogicalResult run() {
    int64_t last = 0;
    for (Value v : frame.outputs.values)
      last = std::max(last, depths.of(v));
    for (int64_t depth = 0; depth <= last; ++depth) {
      if (failed(storeScalars(depth)) || failed(pass(depth)))
        return failure();
    }
    return success();
  }

  // Results with one value per row.
  LogicalResult storeScalars(int64_t depth) {
    for (auto [value, buffer] : llvm::zip(frame.outputs.values, frame.outputs.buffers)) {
      if (isFull(value) || depths.of(value) != depth)
        continue;
      Value scalar = e.evaluate(value, e.rowIndices(shapeOf(value)), {});
      if (!scalar)
        return failure();
      e.store(buffer, {row, 0, {}}, scalar, {});
    }
    return success();
  }

  // Everything that depends on `depth` reductions.
  LogicalResult pass(int64_t depth) {
    SmallVector<linalg::GenericOp> here;
    for (linalg::GenericOp reduction : reductions)
      if (depths.of(reduction.getInputs()[0]) == depth)
        here.push_back(reduction);
    SmallVector<std::pair<Value, Value>> stores; // value, buffer
    for (auto [value, buffer] : llvm::zip(frame.outputs.values, frame.outputs.buffers))
      if (isFull(value) && depths.of(value) == depth)
        stores.push_back({value, buffer});
    SmallVector<std::pair<Value, Value>> kept; // value, offset in scratch
    for (auto [i, value] : llvm::enumerate(form.kept))
      if (depths.of(value) == depth)
        kept.push_back({value, e.constantIndex(i * llvm::alignTo(form.inner, 16))});
    if (here.empty() && stores.empty())
      return success();

    auto sums = emitStrips(
        e, form.inner, here,
        [&](Index at, const Lanes &lanes, MutableArrayRef<Value> acc) -> LogicalResult {
          for (auto [value, offset] : kept) {
            Value v = e.evaluate(value, positionOf(value, at), lanes);
            if (!v)
              return failure();
            e.store(frame.scratch, e.add(Index{offset, 0, {}}, at, lanes.count), v, lanes);
          }
          for (auto [value, buffer] : stores) {
            Value v = e.evaluate(value, positionOf(value, at), lanes);
            if (!v)
              return failure();
            e.store(buffer, e.add(Index{rowStart, 0, {}}, at, lanes.count), v, lanes);
          }
          for (auto [i, reduction] : llvm::enumerate(here)) {
            Value input = reduction.getInputs()[0];
            Value v = e.evaluate(input, positionOf(input, at), lanes);
            if (!v)
              return failure();
            acc[i] = e.combine(reduction, acc[i], v);
          }
          return success();
        });
    if (failed(sums))
      return failure();
    for (auto [reduction, sum] : llvm::zip(here, *sums)) {
      Value result = reduction.getResult(0);
      e.remember(result, Position{SmallVector<Index>(e.rowIndices(shapeOf(result))), false}, {},
                 sum);
    }
    for (auto [value, offset] : kept)
      e.setMaterialized(value, frame.scratch, offset);
    for (auto [value, buffer] : stores)
      e.setMaterialized(value, buffer, rowStart);
    return success();
  }
};
} // namespace

LogicalResult emitRows(KernelEmitter &e, const KernelForm &form, KernelFrame &frame) {
  auto loop = scf::ForOp::create(e.b, frame.begin, frame.end, e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(loop.getBody());
  RowPasses passes(e, form, frame);
  passes.row = loop.getInductionVar();
  passes.rowStart = e.mul(passes.row, form.inner);
  e.setRow(passes.row);
  LogicalResult result = passes.run();
  e.clearMaterialized();
  return result;
}

} // namespace dpc::codegen
