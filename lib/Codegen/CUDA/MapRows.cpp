// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels over rows. A row belongs to a team: a warp or, for short rows, a part of one,
// up to kWarpRow elements; else, and where values of a row are kept, a block. A long row
// that is only summed is cut in pieces where there are too few rows to fill a GPU: a first
// function sums the pieces, a second one the pieces' sums.
#include "Team.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

constexpr int64_t kWarpRow = 1024;    // elements of the longest row that a warp computes
constexpr int64_t kWarpBlock = 128;   // threads of a block whose warps have a row each
constexpr int64_t kPieceBlock = 256;  // threads that sum a piece
constexpr int64_t kPiece = 8192;      // elements of the least piece
constexpr int64_t kPieceBlocks = 512; // pieces of all rows that fill a GPU

class TeamRows : public RowMapping {
public:
  TeamRows(DeviceFunction &f, const Team &team, int64_t lanes, bool sharesWrites)
      : f(f), team(team), lanes(lanes), sharesWrites(sharesWrites) {}

  FailureOr<SmallVector<Value>> emitStrips(KernelEmitter &e, int64_t extent,
                                           ArrayRef<linalg::GenericOp> reductions, bool writes,
                                           StripBody body) override {
    auto results = walkLine(f, team, countBusy(team, extent, lanes), e.constantIndex(0),
                            e.constantIndex(extent), lanes, reductions, body);
    // What this pass wrote, a later one may read at another thread's place. A block has
    // met at a barrier when it added up.
    if (sharesWrites && writes && !reductions.empty() && !team.isBlock() && team.size > 1)
      NVVM::SyncWarpOp::create(e.b, e.constant(e.b.getI32IntegerAttr(-1)));
    return results;
  }
  void storeScalar(KernelEmitter &e, Value buffer, const Index &at, Value scalar) override {
    Value isFirst = team.size == 1
                        ? Value()
                        : f.compare(arith::CmpIPredicate::eq, team.member, e.constantIndex(0));
    (void)f.emitIf(isFirst, [&] {
      e.store(buffer, at, scalar, {});
      return success();
    });
  }

private:
  DeviceFunction &f;
  const Team &team;
  int64_t lanes;
  bool sharesWrites;
};

// Whether a pass may read what another thread wrote in an earlier one: there is a result
// that fills rows before the last pass, and an element of a row is computed from others.
bool readsElsewhere(const DeviceKernel &kernel) {
  const KernelForm &form = kernel.form;
  Depths depths;
  int64_t last = 0;
  for (Value v : kernel.buffers.results)
    last = std::max(last, depths.of(v));
  if (llvm::none_of(kernel.buffers.results,
                    [&](Value v) { return form.isFull(v) && depths.of(v) < last; }))
    return false;
  for (Operation *op : getReached(kernel.buffers.results)) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic) {
      for (Value source : getSources(op))
        if (form.isFull(source) && !form.isFull(op->getResult(0)))
          return true;
      continue;
    }
    for (OpOperand *operand : generic.getDpsInputOperands())
      if (form.isFull(operand->get()) && !generic.getMatchingIndexingMap(operand).isIdentity())
        return true;
    WalkResult walk = generic.getBody()->walk([&](tensor::ExtractOp extract) {
      return form.isFull(extract.getTensor()) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (walk.wasInterrupted())
      return true;
  }
  return false;
}

LogicalResult mapWarps(DeviceKernel &kernel, int64_t lanes) {
  const KernelForm &form = kernel.form;
  // A warp has whole rows only, so that all of its threads go the same way.
  int64_t size =
      std::clamp<int64_t>(llvm::PowerOf2Ceil(llvm::divideCeil(form.inner, lanes)), 1, kWarp);
  while (size < kWarp && form.rows % (kWarp / size) != 0)
    size *= 2;
  int64_t rows = kWarpBlock / size;
  std::string mapping = size == kWarp ? "rows: a warp per row"
                        : size == 1   ? "rows: a thread per row"
                                      : "rows: " + std::to_string(size) + " threads per row";
  return kernel.addFunction(
      mapping, llvm::divideCeil(form.rows, rows), kWarpBlock, lanes, [&](DeviceFunction &f) {
        Team team{size, f.rem(f.thread, size)};
        Value row = f.e.add(f.e.mul(f.block, rows), f.div(f.thread, size));
        Value exists = form.rows % rows == 0 ? Value()
                                             : f.compare(arith::CmpIPredicate::ult, row,
                                                         f.e.constantIndex(form.rows));
        return f.emitIf(exists, [&] {
          TeamRows mapping(f, team, lanes, readsElsewhere(kernel));
          return emitRow(f.e, form, f.outputs, {}, mapping, row);
        });
      });
}

LogicalResult mapBlocks(DeviceKernel &kernel, int64_t lanes) {
  const KernelForm &form = kernel.form;
  int64_t size =
      std::clamp<int64_t>(llvm::PowerOf2Ceil(llvm::divideCeil(form.inner, lanes * 2)), 64, 512);
  StringRef mapping = form.scratch ? "rows: a block per row, values kept" : "rows: a block per row";
  return kernel.addFunction(mapping, form.rows, size, lanes, [&](DeviceFunction &f) {
    Team team{size, f.thread};
    Value kept = form.scratch ? f.addShared(form.scratch, f.e.b.getF32Type()) : Value();
    TeamRows mapping(f, team, lanes, /*sharesWrites=*/false);
    return emitRow(f.e, form, f.outputs, kept, mapping, f.block);
  });
}

// Pieces of each row where sums of few, long rows are all that the kernel computes.
struct Pieces {
  int64_t length, count;

  static std::optional<Pieces> choose(const DeviceKernel &kernel, int64_t lanes) {
    const KernelForm &form = kernel.form;
    SmallVector<linalg::GenericOp> reductions = kernel.getReductions();
    Depths depths;
    if (reductions.empty() || form.rows == 0 ||
        llvm::any_of(kernel.buffers.results, [&](Value v) { return form.isFull(v); }) ||
        llvm::any_of(reductions,
                     [&](linalg::GenericOp r) { return depths.of(r.getInputs()[0]) > 0; }))
      return std::nullopt;
    int64_t count = std::min(kPieceBlocks / form.rows, form.inner / kPiece);
    if (count < 2)
      return std::nullopt;
    Pieces pieces;
    pieces.length = llvm::alignTo(llvm::divideCeil(form.inner, count), lanes * kPieceBlock);
    pieces.count = llvm::divideCeil(form.inner, pieces.length);
    return pieces;
  }
};

// Where the pieces' sums lie in the scratch: reduction by reduction, row by row.
struct PieceSums {
  const KernelForm &form;
  Pieces pieces;
  SmallVector<linalg::GenericOp> reductions;

  static Type typeOf(linalg::GenericOp r) {
    return cast<RankedTensorType>(r.getResult(0).getType()).getElementType();
  }
  // Sums are no wider than 8 bytes.
  int64_t elements() const { return form.rows * pieces.count; }
  int64_t bytes() const { return reductions.size() * elements() * 8; }
  Value view(DeviceFunction &f, size_t reduction) const {
    return f.viewScratch(reduction * elements() * 8, elements(), typeOf(reductions[reduction]));
  }
};

LogicalResult sumPieces(DeviceKernel &kernel, PieceSums &sums, int64_t lanes) {
  return kernel.addFunction(
      "rows: a block per piece of a row", sums.elements(), kPieceBlock, lanes,
      [&](DeviceFunction &f) -> LogicalResult {
        KernelEmitter &e = f.e;
        Value row = f.div(f.block, sums.pieces.count), piece = f.rem(f.block, sums.pieces.count);
        KernelEmitter::Scope scope(e);
        e.setRow(row);
        Value low = e.mul(piece, sums.pieces.length);
        Value high = arith::MinUIOp::create(e.b, e.add(low, sums.pieces.length),
                                            e.constantIndex(kernel.form.inner));
        Team team{kPieceBlock, f.thread};
        auto results = walkLine(
            f, team, team.size, low, high, lanes, sums.reductions,
            [&](Index at, const Lanes &width, MutableArrayRef<Value> acc) -> LogicalResult {
              for (auto [i, reduction] : llvm::enumerate(sums.reductions)) {
                Value input = reduction.getInputs()[0];
                SmallVector<Index> position(e.rowIndices(shapeOf(input).drop_back()));
                position.push_back(at);
                Value v = e.evaluate(input, position, width);
                if (!v)
                  return failure();
                acc[i] = e.combine(reduction, acc[i], v);
              }
              return success();
            });
        if (failed(results))
          return failure();
        Value isFirst = f.compare(arith::CmpIPredicate::eq, f.thread, e.constantIndex(0));
        return f.emitIf(isFirst, [&] {
          for (auto [i, result] : llvm::enumerate(*results))
            memref::StoreOp::create(e.b, result, sums.view(f, i), ValueRange{f.block});
          return success();
        });
      });
}

LogicalResult addPieces(DeviceKernel &kernel, PieceSums &sums) {
  return kernel.addFunction(
      "rows: a warp adds a row's pieces", kernel.form.rows, kWarp, 1,
      [&](DeviceFunction &f) -> LogicalResult {
        KernelEmitter &e = f.e;
        Team team{kWarp, f.thread};
        KernelEmitter::Scope scope(e);
        e.setRow(f.block);
        Value low = e.mul(f.block, sums.pieces.count);
        SmallVector<Value> views;
        for (size_t i = 0; i < sums.reductions.size(); ++i)
          views.push_back(sums.view(f, i));
        auto results =
            walkLine(f, team, countBusy(team, sums.pieces.count, 1), low,
                     e.add(low, sums.pieces.count), 1, sums.reductions,
                     [&](Index at, const Lanes &, MutableArrayRef<Value> acc) -> LogicalResult {
                       for (auto [i, reduction] : llvm::enumerate(sums.reductions)) {
                         Value v = memref::LoadOp::create(e.b, views[i], ValueRange{at.base});
                         acc[i] = e.combine(reduction, acc[i], v);
                       }
                       return success();
                     });
        if (failed(results))
          return failure();
        for (auto [reduction, result] : llvm::zip(sums.reductions, *results)) {
          Value tensor = reduction->getResult(0);
          e.remember(tensor, Position{SmallVector<Index>(e.rowIndices(shapeOf(tensor))), false}, {},
                     result);
        }
        Value isFirst = f.compare(arith::CmpIPredicate::eq, f.thread, e.constantIndex(0));
        return f.emitIf(isFirst, [&] {
          for (auto [value, buffer] : llvm::zip(f.outputs.values, f.outputs.buffers)) {
            Value scalar = e.evaluate(value, e.rowIndices(shapeOf(value)), {});
            if (!scalar)
              return failure();
            e.store(buffer, {f.block, 0, {}}, scalar, {});
          }
          return success();
        });
      });
}

} // namespace

LogicalResult mapRows(DeviceKernel &kernel) {
  KernelForm &form = kernel.form;
  if (form.scratch * static_cast<int64_t>(sizeof(float)) > kKeptBytes) {
    form.kept.clear(); // computed again
    form.scratch = 0;
  }
  int64_t lanes = kernel.chooseLanes(form.inner, form.rows * form.inner);
  if (std::optional<Pieces> pieces = Pieces::choose(kernel, lanes)) {
    PieceSums sums{form, *pieces, kernel.getReductions()};
    kernel.setScratch(sums.bytes());
    if (failed(sumPieces(kernel, sums, lanes)))
      return failure();
    return addPieces(kernel, sums);
  }
  return form.inner <= kWarpRow && form.scratch == 0 ? mapWarps(kernel, lanes)
                                                     : mapBlocks(kernel, lanes);
}

} // namespace dpc::codegen
