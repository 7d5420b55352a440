// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Moves whose reads and writes are contiguous along different dimensions: a transpose,
// and what is computed beside it. A block computes a tile of both dimensions. It reads
// what is transposed along the one into shared memory, and computes and writes along the
// other, so that neighbours in a warp are neighbours in memory both times.
#include "DeviceKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

constexpr int64_t kTile = 32;         // elements of a tile's side
constexpr int64_t kPitch = kTile + 1; // of a tile's lines, so that no bank holds a whole column
constexpr int64_t kLines = 8;         // a block computes at once
constexpr int64_t kBlock = kTile * kLines;
constexpr int64_t kLeastSide = 16; // of what is worth a tile
constexpr size_t kMaxReads = 4;    // tiles of a block

// A tensor that is read at a permutation of the result's position.
struct Read {
  Value tensor;
  AffineMap map;
};

// The dimension of the result along which such a read is contiguous, if that is another
// than the result's own and the read moves along both.
std::optional<int64_t> contiguousDimension(const Read &read) {
  int64_t last = read.map.getNumDims() - 1;
  if (!read.map.isProjectedPermutation() || read.map.getNumResults() == 0)
    return std::nullopt;
  int64_t contiguous = read.map.getDimPosition(read.map.getNumResults() - 1);
  ArrayRef<int64_t> shape = shapeOf(read.tensor);
  if (contiguous == last || shape.back() < kLeastSide)
    return std::nullopt;
  for (auto [i, extent] : llvm::enumerate(shape.drop_back()))
    if (read.map.getDimPosition(i) == last && extent >= kLeastSide)
      return contiguous;
  return std::nullopt;
}

// The reads that a result's position reaches without another position between.
void collectReads(Value value, SmallVectorImpl<Read> &reads, llvm::DenseSet<Value> &seen) {
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || isReduction(generic) || !seen.insert(value).second)
    return;
  for (OpOperand *operand : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(operand);
    if (map.isIdentity() && shapeOf(operand->get()) == shapeOf(value))
      collectReads(operand->get(), reads, seen);
    else if (Read read{operand->get(), map}; contiguousDimension(read))
      reads.push_back(read);
  }
}

class Tiles {
public:
  Tiles(DeviceKernel &kernel, SmallVector<Read> reads, int64_t across)
      : kernel(kernel), reads(std::move(reads)), across(across),
        shape(shapeOf(kernel.buffers.results[0])), along(shape.size() - 1) {
    for (auto [i, extent] : llvm::enumerate(shape))
      if (!isTiled(i))
        rest.push_back(extent);
    acrossTiles = llvm::divideCeil(shape[across], kTile);
    alongTiles = llvm::divideCeil(shape[along], kTile);
  }

  LogicalResult run() {
    int64_t grid = ShapedType::getNumElements(rest) * acrossTiles * alongTiles;
    return kernel.addFunction("moves: a block per tile of 32 by 32", grid, kBlock, 1,
                              [&](DeviceFunction &f) { return emit(f); });
  }

private:
  bool isTiled(int64_t dimension) const { return dimension == across || dimension == along; }

  // Runs `body` for the lines of the tile that fall to the thread: a line's number, which
  // is an offset along one dimension, and the thread's place in it, one along the other.
  LogicalResult forLines(DeviceFunction &f, Value line, function_ref<LogicalResult(Value)> body) {
    KernelEmitter &e = f.e;
    auto loop = scf::ForOp::create(e.b, line, e.constantIndex(kTile), e.constantIndex(kLines));
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    return body(loop.getInductionVar());
  }

  // Whether an offset in the tile is one in the result; null where all are.
  Value exists(DeviceFunction &f, Value index, int64_t dimension) {
    if (shape[dimension] % kTile == 0)
      return {};
    return f.compare(arith::CmpIPredicate::ult, index, f.e.constantIndex(shape[dimension]));
  }
  LogicalResult ifBothExist(DeviceFunction &f, Value acrossIndex, Value alongIndex,
                            function_ref<LogicalResult()> body) {
    return f.emitIf(exists(f, acrossIndex, across),
                    [&] { return f.emitIf(exists(f, alongIndex, along), body); });
  }

  SmallVector<Index> positionOf(Value acrossIndex, Value alongIndex) {
    SmallVector<Index> position;
    size_t next = 0;
    for (int64_t i = 0; i <= along; ++i)
      position.push_back(i == along    ? Index{alongIndex, 0, {}}
                         : i == across ? Index{acrossIndex, 0, {}}
                                       : batch[next++]);
    return position;
  }
  Position positionIn(const Read &read, ArrayRef<Index> position) {
    Position result;
    for (unsigned i = 0; i < read.map.getNumResults(); ++i)
      result.dims.push_back(position[read.map.getDimPosition(i)]);
    return result;
  }

  static Type elementOf(Value tensor) {
    return cast<RankedTensorType>(tensor.getType()).getElementType();
  }

  LogicalResult emit(DeviceFunction &f) {
    KernelEmitter &e = f.e;
    Value inLine = f.rem(f.thread, kTile), line = f.div(f.thread, kTile);
    Value tile = f.rem(f.block, acrossTiles * alongTiles);
    Value acrossStart = e.mul(f.div(tile, alongTiles), kTile),
          alongStart = e.mul(f.rem(tile, alongTiles), kTile);
    batch = e.delinearize({f.div(f.block, acrossTiles * alongTiles), 0, {}}, rest, 1);
    SmallVector<Value> tiles;
    for (const Read &read : reads)
      tiles.push_back(f.addShared(kTile * kPitch, bufferElementType(elementOf(read.tensor))));

    // Lines of the reads lie across the result's.
    Value acrossIndex = e.add(acrossStart, inLine);
    if (failed(forLines(f, line, [&](Value number) {
          Value alongIndex = e.add(alongStart, number);
          return ifBothExist(f, acrossIndex, alongIndex, [&]() -> LogicalResult {
            SmallVector<Index> position = positionOf(acrossIndex, alongIndex);
            for (auto [read, shared] : llvm::zip(reads, tiles)) {
              Value v = e.evaluate(read.tensor, positionIn(read, position), {});
              if (!v)
                return failure();
              e.store(shared, {e.add(e.mul(number, kPitch), inLine), 0, {}}, v, {});
            }
            return success();
          });
        })))
      return failure();
    f.emitBarrier();
    Value alongIndex = e.add(alongStart, inLine);
    return forLines(f, line, [&](Value number) {
      Value acrossIndex = e.add(acrossStart, number);
      return ifBothExist(f, acrossIndex, alongIndex, [&]() -> LogicalResult {
        SmallVector<Index> position = positionOf(acrossIndex, alongIndex);
        for (auto [read, shared] : llvm::zip(reads, tiles)) {
          Index at{e.add(e.mul(inLine, kPitch), number), 0, {}};
          e.remember(read.tensor, positionIn(read, position), {},
                     e.load(shared, elementOf(read.tensor), at, {}));
        }
        Index to = e.linearize(position, shape, 1);
        for (auto [value, buffer] : llvm::zip(f.outputs.values, f.outputs.buffers)) {
          Value v = e.evaluate(value, position, {});
          if (!v)
            return failure();
          e.store(buffer, to, v, {});
        }
        return success();
      });
    });
  }

  DeviceKernel &kernel;
  SmallVector<Read> reads;
  int64_t across;
  ArrayRef<int64_t> shape;
  int64_t along;
  SmallVector<int64_t> rest; // extents of the other dimensions
  int64_t acrossTiles, alongTiles;
  SmallVector<Index> batch; // the place in those
};

} // namespace

std::optional<LogicalResult> mapTiles(DeviceKernel &kernel) {
  ArrayRef<Value> results = kernel.buffers.results;
  if (!kernel.getReductions().empty() || shapeOf(results[0]).size() < 2)
    return std::nullopt;
  SmallVector<Read> found, reads;
  llvm::DenseSet<Value> seen;
  for (Value result : results) {
    if (shapeOf(result) != shapeOf(results[0]))
      return std::nullopt;
    collectReads(result, found, seen);
  }
  // One dimension lies across: that of the first read.
  for (const Read &read : found)
    if (reads.size() < kMaxReads && contiguousDimension(read) == contiguousDimension(found[0]) &&
        llvm::none_of(reads, [&](const Read &other) {
          return other.tensor == read.tensor && other.map == read.map;
        }))
      reads.push_back(read);
  if (reads.empty())
    return std::nullopt;
  int64_t across = *contiguousDimension(reads[0]);
  return Tiles(kernel, std::move(reads), across).run();
}

} // namespace dpc::codegen
