// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ColumnBlocks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {

ColumnBlocks::ColumnBlocks(int64_t count, int64_t vectorLanes)
    : count(count), lanes(std::max<int64_t>(1, std::min(count, vectorLanes))),
      width(lanes * kColumnVectors), blocks(llvm::divideCeil(count, width)) {}

std::pair<Value, Value> ColumnBlocks::split(KernelEmitter &e, Value point) const {
  if (blocks == 1)
    return {point, e.constantIndex(0)};
  Value outer = arith::DivUIOp::create(e.b, point, e.constantIndex(blocks));
  return {outer, arith::RemUIOp::create(e.b, point, e.constantIndex(blocks))};
}

LogicalResult ColumnBlocks::emit(KernelEmitter &e, Value number, Part part) const {
  int64_t rest = count % width;
  if (rest == 0)
    return part(e.mul(number, width), width);
  if (blocks == 1)
    return part(e.constantIndex(0), rest);
  Value isLast =
      arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq, number, e.constantIndex(blocks - 1));
  auto branch = scf::IfOp::create(e.b, isLast, /*withElseRegion=*/true);
  {
    KernelEmitter::Scope last(e);
    e.b.setInsertionPointToStart(branch.thenBlock());
    if (failed(part(e.constantIndex((blocks - 1) * width), rest)))
      return failure();
  }
  KernelEmitter::Scope others(e);
  e.b.setInsertionPointToStart(branch.elseBlock());
  return part(e.mul(number, width), width);
}

Position rowOfReduction(KernelEmitter &e, linalg::GenericOp reduction, Value number, Index column) {
  auto shapeOf = [](Value v) { return cast<RankedTensorType>(v.getType()).getShape(); };
  auto iterators = reduction.getIteratorTypesArray();
  ArrayRef<int64_t> shape = shapeOf(reduction.getInputs()[0]);
  SmallVector<int64_t> reduced;
  for (auto [i, type] : llvm::enumerate(iterators))
    if (type == utils::IteratorType::reduction)
      reduced.push_back(shape[i]);
  SmallVector<Index> rows = e.delinearize({number, 0, {}}, reduced, 1);
  ArrayRef<Index> kept = e.rowIndices(shapeOf(reduction.getResult(0)).drop_back());
  Position position;
  size_t r = 0, k = 0;
  for (size_t i = 0; i + 1 < iterators.size(); ++i)
    position.dims.push_back(iterators[i] == utils::IteratorType::reduction ? rows[r++] : kept[k++]);
  position.dims.push_back(column);
  return position;
}

} // namespace dpc::codegen
