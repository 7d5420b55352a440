// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RowPasses.h.
#include "RowPasses.h"

using namespace mlir;

namespace dpc::codegen {

RowMapping::~RowMapping() = default;

namespace {
struct RowPasses {
  KernelEmitter &e;
  const KernelForm &form;
  const KernelOutputs &outputs;
  Value scratch;
  RowMapping &mapping;
  Value row, rowStart;
  Depths depths;
  SmallVector<linalg::GenericOp> reductions;

  RowPasses(KernelEmitter &e, const KernelForm &form, const KernelOutputs &outputs, Value scratch,
            RowMapping &mapping, Value row)
      : e(e), form(form), outputs(outputs), scratch(scratch), mapping(mapping), row(row),
        rowStart(e.mul(row, form.inner)) {
    for (Operation *op : getReached(outputs.values))
      if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
        reductions.push_back(generic);
  }

  static ArrayRef<int64_t> shapeOf(Value v) {
    return cast<RankedTensorType>(v.getType()).getShape();
  }
  Position positionOf(Value full, Index at) {
    Position position;
    llvm::append_range(position.dims, e.rowIndices(shapeOf(full).drop_back()));
    position.dims.push_back(at);
    return position;
  }

  LogicalResult run() {
    int64_t last = 0;
    for (Value v : outputs.values)
      last = std::max(last, depths.of(v));
    for (int64_t depth = 0; depth <= last; ++depth) {
      if (failed(storeScalars(depth)) || failed(pass(depth)))
        return failure();
    }
    return success();
  }

  // Results with one value per row.
  LogicalResult storeScalars(int64_t depth) {
    for (auto [value, buffer] : llvm::zip(outputs.values, outputs.buffers)) {
      if (form.isFull(value) || depths.of(value) != depth)
        continue;
      Value scalar = e.evaluate(value, e.rowIndices(shapeOf(value)), {});
      if (!scalar)
        return failure();
      mapping.storeScalar(e, buffer, {row, 0, {}}, scalar);
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
    for (auto [value, buffer] : llvm::zip(outputs.values, outputs.buffers))
      if (form.isFull(value) && depths.of(value) == depth)
        stores.push_back({value, buffer});
    SmallVector<std::pair<Value, Value>> kept; // value, offset in scratch
    for (auto [i, value] : llvm::enumerate(form.kept))
      if (depths.of(value) == depth)
        kept.push_back({value, e.constantIndex(i * llvm::alignTo(form.inner, 16))});
    if (here.empty() && stores.empty())
      return success();

    auto sums = mapping.emitStrips(
        e, form.inner, here, !stores.empty(),
        [&](Index at, const Lanes &lanes, MutableArrayRef<Value> acc) -> LogicalResult {
          for (auto [value, offset] : kept) {
            Value v = e.evaluate(value, positionOf(value, at), lanes);
            if (!v)
              return failure();
            e.store(scratch, e.add(Index{offset, 0, {}}, at, lanes.count), v, lanes);
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
      e.setMaterialized(value, scratch, offset);
    for (auto [value, buffer] : stores)
      e.setMaterialized(value, buffer, rowStart);
    return success();
  }
};
} // namespace

LogicalResult emitRow(KernelEmitter &e, const KernelForm &form, const KernelOutputs &outputs,
                      Value scratch, RowMapping &mapping, Value row) {
  KernelEmitter::Scope scope(e);
  RowPasses passes(e, form, outputs, scratch, mapping, row);
  e.setRow(row);
  LogicalResult result = passes.run();
  e.clearMaterialized();
  return result;
}

} // namespace dpc::codegen
