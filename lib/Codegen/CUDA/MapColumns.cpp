// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that add over rows: a block is kColumns columns by kGroups groups of rows. A
// thread adds every kGroups-th row of its column in ascending order, then the groups' sums
// are added in order. Tall columns of which there are too few to fill a GPU are cut in
// pieces of rows: a first function sums the pieces, a second one the pieces' sums.
#include "../ColumnBlocks.h"
#include "DeviceKernel.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

constexpr int64_t kColumns = 32, kGroups = 16, kBlock = kColumns * kGroups;
constexpr int64_t kPiece = 256;       // rows of the least piece
constexpr int64_t kPieceBlocks = 512; // blocks that fill a GPU
// Reductions that are added up at once: more take too many registers, and more shared
// memory than a block has.
constexpr size_t kRound = 8;

class ColumnSums {
public:
  explicit ColumnSums(DeviceKernel &kernel)
      : kernel(kernel), form(kernel.form), reductions(kernel.getReductions()) {
    sums = ShapedType::getNumElements(shapeOf(reductions[0].getResult(0)));
    outer = form.inner ? sums / form.inner : 0;
    rows = outer ? form.rows / outer : 0;
    blocks = llvm::divideCeil(form.inner, kColumns);
    int64_t count = std::min(rows / kPiece, kPieceBlocks / std::max<int64_t>(outer * blocks, 1));
    if (count >= 2) {
      pieceRows = llvm::divideCeil(rows, count);
      pieces = llvm::divideCeil(rows, pieceRows);
    }
  }

  LogicalResult run() {
    for (Value v : kernel.buffers.results)
      if (ShapedType::getNumElements(shapeOf(v)) != sums)
        return kernel.lowered.emitOpError()
               << "has a result of type " << v.getType() << " beside sums of columns";
    if (pieces == 1)
      return kernel.addFunction("columns: 32 columns by 16 groups of rows", outer * blocks, kBlock,
                                1, [&](DeviceFunction &f) { return sumAll(f); });
    kernel.setScratch(reductions.size() * sums * pieces * 8);
    if (failed(kernel.addFunction("columns: a block per piece of 32 columns",
                                  outer * pieces * blocks, kBlock, 1,
                                  [&](DeviceFunction &f) { return sumPieces(f); })))
      return failure();
    return kernel.addFunction("columns: adds the pieces", outer * blocks, kBlock, 1,
                              [&](DeviceFunction &f) { return addPieces(f); });
  }

private:
  // A thread's place: `column` is one that exists, whether or not the thread's own does.
  struct Place {
    Value outer, inWarp, group, column, exists;
  };
  Place placeOf(DeviceFunction &f, Value outerNumber, Value blockNumber) {
    KernelEmitter &e = f.e;
    Place place;
    place.outer = outerNumber;
    place.inWarp = f.rem(f.thread, kColumns);
    place.group = f.div(f.thread, kColumns);
    Value column = e.add(e.mul(blockNumber, kColumns), place.inWarp);
    place.exists = f.compare(arith::CmpIPredicate::eq, place.group, e.constantIndex(0));
    place.column = column;
    if (form.inner % kColumns != 0) {
      place.column = arith::MinUIOp::create(e.b, column, e.constantIndex(form.inner - 1));
      place.exists = arith::AndIOp::create(
          e.b, place.exists,
          f.compare(arith::CmpIPredicate::ult, column, e.constantIndex(form.inner)));
    }
    return place;
  }

  // The sums of rows low..high-1, the same in all groups.
  using Element = llvm::function_ref<Value(size_t reduction, Value row)>;
  FailureOr<SmallVector<Value>> addRows(DeviceFunction &f, const Place &place, Value low,
                                        Value high, Element element) {
    std::map<std::pair<size_t, const void *>, Value> places;
    SmallVector<Value> results;
    for (size_t first = 0; first < reductions.size(); first += kRound) {
      size_t count = std::min(reductions.size() - first, kRound);
      auto sums = addRound(f, place, low, high, element, first, count);
      if (failed(sums))
        return failure();
      if (first > 0)
        f.emitBarrier(); // all have read what was there
      SmallVector<Value> shared;
      for (auto [i, sum] : llvm::enumerate(*sums)) {
        Value &known = places[{size_t(i), sum.getType().getAsOpaquePointer()}];
        if (!known)
          known = f.addShared(kBlock, sum.getType());
        shared.push_back(known);
        memref::StoreOp::create(f.e.b, sum, known, ValueRange{f.thread});
      }
      f.emitBarrier();
      for (size_t i = 0; i < count; ++i)
        results.push_back(addGroups(f, place, reductions[first + i], shared[i]));
    }
    return results;
  }

  // What falls to the thread, of reductions first..first+count-1.
  FailureOr<SmallVector<Value>> addRound(DeviceFunction &f, const Place &place, Value low,
                                         Value high, Element element, size_t first, size_t count) {
    KernelEmitter &e = f.e;
    SmallVector<Value> start;
    for (size_t i = 0; i < count; ++i)
      start.push_back(e.identity(reductions[first + i], 1));
    auto loop =
        scf::ForOp::create(e.b, e.add(low, place.group), high, e.constantIndex(kGroups), start);
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> acc(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    for (size_t i = 0; i < count; ++i) {
      Value v = element(first + i, loop.getInductionVar());
      if (!v)
        return failure();
      acc[i] = e.combine(reductions[first + i], acc[i], v);
    }
    scf::YieldOp::create(e.b, acc);
    return SmallVector<Value>(loop.getResults());
  }

  Value addGroups(DeviceFunction &f, const Place &place, linalg::GenericOp reduction,
                  Value ofGroups) {
    KernelEmitter &e = f.e;
    Value sum;
    for (int64_t g = 0; g < kGroups; ++g) {
      Value at = e.add(place.inWarp, g * kColumns);
      Value v = memref::LoadOp::create(e.b, ofGroups, ValueRange{at});
      sum = sum ? e.combine(reduction, sum, v) : v;
    }
    return sum;
  }

  // Rows low..high-1 of the kernel's operands.
  FailureOr<SmallVector<Value>> addOperands(DeviceFunction &f, const Place &place, Value low,
                                            Value high) {
    return addRows(f, place, low, high, [&](size_t i, Value row) {
      return f.e.evaluate(reductions[i].getInputs()[0],
                          rowOfReduction(f.e, reductions[i], row, {place.column, 0, {}}), {});
    });
  }

  LogicalResult storeResults(DeviceFunction &f, const Place &place, ArrayRef<Value> totals) {
    KernelEmitter &e = f.e;
    auto positionIn = [&](Value tensor) {
      Position position;
      llvm::append_range(position.dims, e.rowIndices(shapeOf(tensor).drop_back()));
      position.dims.push_back({place.column, 0, {}});
      return position;
    };
    for (auto [reduction, total] : llvm::zip(reductions, totals)) {
      Value tensor = reduction->getResult(0);
      e.remember(tensor, positionIn(tensor), {}, total);
    }
    return f.emitIf(place.exists, [&] {
      for (auto [value, buffer] : llvm::zip(f.outputs.values, f.outputs.buffers)) {
        Value v = e.evaluate(value, positionIn(value), {});
        if (!v)
          return failure();
        e.store(buffer, {e.add(e.mul(place.outer, form.inner), place.column), 0, {}}, v, {});
      }
      return success();
    });
  }

  LogicalResult sumAll(DeviceFunction &f) {
    KernelEmitter::Scope scope(f.e);
    Place place = placeOf(f, f.div(f.block, blocks), f.rem(f.block, blocks));
    f.e.setRow(place.outer);
    auto totals = addOperands(f, place, f.e.constantIndex(0), f.e.constantIndex(rows));
    return failed(totals) ? failure() : storeResults(f, place, *totals);
  }

  // Pieces' sums lie reduction by reduction, outer element by outer element, piece by piece.
  Value viewOf(DeviceFunction &f, size_t reduction) {
    Type element =
        cast<RankedTensorType>(reductions[reduction].getResult(0).getType()).getElementType();
    return f.viewScratch(reduction * sums * pieces * 8, sums * pieces, element);
  }

  LogicalResult sumPieces(DeviceFunction &f) {
    KernelEmitter &e = f.e;
    KernelEmitter::Scope scope(e);
    Value piece = f.div(f.block, blocks); // of all outer elements
    Place place = placeOf(f, f.div(piece, pieces), f.rem(f.block, blocks));
    e.setRow(place.outer);
    Value low = e.mul(f.rem(piece, pieces), pieceRows);
    Value high = arith::MinUIOp::create(e.b, e.add(low, pieceRows), e.constantIndex(rows));
    auto ofPiece = addOperands(f, place, low, high);
    if (failed(ofPiece))
      return failure();
    return f.emitIf(place.exists, [&] {
      Value at = e.add(e.mul(piece, form.inner), place.column);
      for (auto [i, sum] : llvm::enumerate(*ofPiece))
        memref::StoreOp::create(e.b, sum, viewOf(f, i), ValueRange{at});
      return success();
    });
  }

  LogicalResult addPieces(DeviceFunction &f) {
    KernelEmitter &e = f.e;
    KernelEmitter::Scope scope(e);
    Place place = placeOf(f, f.div(f.block, blocks), f.rem(f.block, blocks));
    e.setRow(place.outer);
    SmallVector<Value> views;
    for (size_t i = 0; i < reductions.size(); ++i)
      views.push_back(viewOf(f, i));
    Value first = e.mul(place.outer, pieces);
    auto totals = addRows(f, place, e.constantIndex(0), e.constantIndex(pieces),
                          [&](size_t i, Value piece) -> Value {
                            Value row = e.add(first, piece);
                            Value at = e.add(e.mul(row, form.inner), place.column);
                            return memref::LoadOp::create(e.b, views[i], ValueRange{at});
                          });
    return failed(totals) ? failure() : storeResults(f, place, *totals);
  }

  DeviceKernel &kernel;
  const KernelForm &form;
  SmallVector<linalg::GenericOp> reductions;
  int64_t sums, outer, rows, blocks; // elements of a sum; what its space consists of
  int64_t pieces = 1, pieceRows = 0;
};

} // namespace

LogicalResult mapColumns(DeviceKernel &kernel) { return ColumnSums(kernel).run(); }

} // namespace dpc::codegen
