// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that add over rows: bias gradients, layer norm's scale gradient. A point
// is a few vectors of columns; its rows are added in ascending order, in chunks of
// kColumnChunk whose sums are then added, so the order is one of the shape and the
// rounding error that of short sums.
#include "../ColumnBlocks.h"
#include "EmitKernel.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

struct ColumnBlock {
  KernelEmitter &e;
  const KernelForm &form;
  KernelFrame &frame;
  SmallVector<linalg::GenericOp> reductions;
  SmallVector<int64_t> reducedShape;
  int64_t total = 1, lanes;

  static ArrayRef<int64_t> shapeOf(Value v) {
    return cast<RankedTensorType>(v.getType()).getShape();
  }

  ColumnBlock(KernelEmitter &e, const KernelForm &form, KernelFrame &frame)
      : e(e), form(form), frame(frame), lanes(std::min(e.vectorLanes, form.inner)) {
    for (Operation *op : getReached(frame.outputs.values))
      if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
        reductions.push_back(generic);
    total =
        form.rows / (ShapedType::getNumElements(shapeOf(reductions[0].getResult(0))) / form.inner);
  }

  // Sums of rows low..high-1 of all vectors of the block, each reduction's vectors
  // one after the other.
  FailureOr<SmallVector<Value>> addRows(Value low, Value high, ArrayRef<Index> columns,
                                        ArrayRef<Lanes> masks) {
    SmallVector<Value> start;
    for (linalg::GenericOp reduction : reductions)
      for (size_t u = 0; u < columns.size(); ++u)
        start.push_back(e.identity(reduction, lanes));
    auto loop = scf::ForOp::create(e.b, low, high, e.constantIndex(1), start);
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> acc(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    size_t next = 0;
    for (linalg::GenericOp reduction : reductions)
      for (auto [column, mask] : llvm::zip(columns, masks)) {
        Value v = e.evaluate(reduction.getInputs()[0],
                             rowOfReduction(e, reduction, loop.getInductionVar(), column), mask);
        if (!v)
          return failure();
        acc[next] = e.combine(reduction, acc[next], v);
        ++next;
      }
    scf::YieldOp::create(e.b, acc);
    return SmallVector<Value>(loop.getResults().begin(), loop.getResults().end());
  }

  LogicalResult run(Value firstColumn, Value outerStart, int64_t width) {
    SmallVector<Index> columns;
    SmallVector<Lanes> masks;
    for (int64_t c = 0; c < width; c += lanes) {
      columns.push_back({e.add(firstColumn, c), lanes == 1 ? 0 : 1, {}});
      masks.push_back({lanes, width - c < lanes ? e.constantMask(width - c, lanes) : Value()});
    }
    FailureOr<SmallVector<Value>> sums;
    if (total <= kColumnChunk) {
      sums = addRows(e.constantIndex(0), e.constantIndex(total), columns, masks);
    } else {
      SmallVector<Value> start;
      for (linalg::GenericOp reduction : reductions)
        for (size_t u = 0; u < columns.size(); ++u)
          start.push_back(e.identity(reduction, lanes));
      auto loop = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(total),
                                     e.constantIndex(kColumnChunk), start);
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(loop.getBody());
      Value low = loop.getInductionVar();
      Value high = arith::MinSIOp::create(e.b, e.add(low, kColumnChunk), e.constantIndex(total));
      sums = addRows(low, high, columns, masks);
      if (failed(sums))
        return failure();
      SmallVector<Value> acc(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
      size_t next = 0;
      for (linalg::GenericOp reduction : reductions)
        for (size_t u = 0; u < columns.size(); ++u, ++next)
          acc[next] = e.combine(reduction, acc[next], (*sums)[next]);
      scf::YieldOp::create(e.b, acc);
      sums->assign(loop.getResults().begin(), loop.getResults().end());
    }
    if (failed(sums))
      return failure();
    auto at = [&](Value v, Index column) {
      Position position;
      llvm::append_range(position.dims, e.rowIndices(shapeOf(v).drop_back()));
      position.dims.push_back(column);
      return position;
    };
    size_t next = 0;
    for (linalg::GenericOp reduction : reductions)
      for (auto [column, mask] : llvm::zip(columns, masks))
        e.remember(reduction.getResult(0), at(reduction.getResult(0), column),
                   mask.count == 1 ? Lanes{} : mask, (*sums)[next++]);
    for (auto [value, buffer] : llvm::zip(frame.outputs.values, frame.outputs.buffers))
      for (auto [column, mask] : llvm::zip(columns, masks)) {
        Value v = e.evaluate(value, at(value, column), mask);
        if (!v)
          return failure();
        e.store(buffer, e.add(Index{outerStart, 0, {}}, column, lanes), v, mask);
      }
    return success();
  }
};

} // namespace

LogicalResult emitColumns(KernelEmitter &e, const KernelForm &form, KernelFrame &frame) {
  auto loop = scf::ForOp::create(e.b, frame.begin, frame.end, e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(loop.getBody());
  ColumnBlock block(e, form, frame);
  for (Value v : frame.outputs.values)
    if (cast<RankedTensorType>(v.getType()).getNumElements() !=
        cast<RankedTensorType>(block.reductions[0].getType(0)).getNumElements())
      return frame.lowered.emitOpError()
             << "has a result of type " << v.getType() << " beside sums of columns";
  ColumnBlocks blocks(form.inner, e.vectorLanes);
  Value outer, number;
  std::tie(outer, number) = blocks.split(e, loop.getInductionVar());
  Value outerStart = e.mul(outer, form.inner);
  return blocks.emit(e, number, [&](Value first, int64_t columns) {
    e.setRow(outer);
    return block.run(first, outerStart, columns);
  });
}

} // namespace dpc::codegen
