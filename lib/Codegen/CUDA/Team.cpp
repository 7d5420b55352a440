// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Team.h.
#include "Team.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {

// Neighbours are combined until one value is left.
static Value combineTree(KernelEmitter &e, linalg::GenericOp reduction, SmallVector<Value> values) {
  while (values.size() > 1) {
    SmallVector<Value> next;
    for (size_t i = 0; i < values.size(); i += 2)
      next.push_back(i + 1 < values.size() ? e.combine(reduction, values[i], values[i + 1])
                                           : values[i]);
    values = next;
  }
  return values[0];
}

static Value combineLanes(KernelEmitter &e, linalg::GenericOp reduction, Value vector) {
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  SmallVector<Value> lanes;
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    lanes.push_back(vector::ExtractOp::create(e.b, vector, i));
  return combineTree(e, reduction, lanes);
}

int64_t countBusy(const Team &team, int64_t extent, int64_t lanes) {
  return std::clamp<int64_t>(llvm::divideCeil(extent, lanes), 1, team.size);
}

int64_t roundUpInWarp(int64_t busy) { return std::min<int64_t>(llvm::PowerOf2Ceil(busy), kWarp); }

Value reduceOverTeam(DeviceFunction &f, const Team &team, int64_t busy, linalg::GenericOp reduction,
                     Value value) {
  KernelEmitter &e = f.e;
  // Both sides of a pair combine the same two values, so all end with the same one. What
  // idle members have would change nothing.
  int64_t members = std::min(team.size, roundUpInWarp(busy));
  for (int64_t distance = members / 2; distance > 0; distance /= 2) {
    Value other = f.exchange(value, distance);
    value = e.combine(reduction, value, other);
  }
  if (!team.isBlock())
    return value;
  int64_t warps = team.size / kWarp;
  Value shared = f.addShared(warps, value.getType());
  Value isFirst =
      f.compare(arith::CmpIPredicate::eq, f.rem(team.member, kWarp), e.constantIndex(0));
  (void)f.emitIf(isFirst, [&] {
    memref::StoreOp::create(e.b, value, shared, ValueRange{f.div(team.member, kWarp)});
    return success();
  });
  f.emitBarrier();
  SmallVector<Value> ofWarps;
  for (int64_t w = 0; w < warps; ++w)
    ofWarps.push_back(memref::LoadOp::create(e.b, shared, ValueRange{e.constantIndex(w)}));
  return combineTree(e, reduction, ofWarps);
}

FailureOr<SmallVector<Value>> walkLine(DeviceFunction &f, const Team &team, int64_t busy, Value low,
                                       Value high, int64_t lanes,
                                       ArrayRef<linalg::GenericOp> reductions, StripBody body) {
  KernelEmitter &e = f.e;
  SmallVector<Value> start;
  for (linalg::GenericOp reduction : reductions)
    start.push_back(e.identity(reduction, lanes));
  auto loop = scf::ForOp::create(e.b, e.add(low, e.mul(team.member, lanes)), high,
                                 e.constantIndex(team.size * lanes), start);
  {
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> inside(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
    Index at{loop.getInductionVar(), lanes == 1 ? 0 : 1, {}};
    if (failed(body(at, {lanes, {}}, inside)))
      return failure();
    if (!reductions.empty()) // a loop without results has its terminator already
      scf::YieldOp::create(e.b, inside);
  }
  SmallVector<Value> results;
  for (auto [reduction, value] : llvm::zip(reductions, loop.getResults()))
    results.push_back(reduceOverTeam(f, team, busy, reduction, combineLanes(e, reduction, value)));
  return results;
}

} // namespace dpc::codegen
