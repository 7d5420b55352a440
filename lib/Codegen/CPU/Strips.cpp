// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Strips.h.
#include "Strips.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {

StripPlan StripPlan::get(int64_t extent, int64_t vectorLanes) {
  int64_t lanes = std::min(extent, vectorLanes);
  return {lanes, extent >= 4 * vectorLanes ? 4 : 1};
}

// One scalar from a vector: halves are combined until one lane is left; lanes that
// are no power of two (rows shorter than a vector) in ascending order.
static Value combineLanes(KernelEmitter &e, linalg::GenericOp reduction, Value vector) {
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  int64_t lanes = type.getNumElements();
  auto extract = [&](int64_t lane) -> Value {
    return vector::ExtractOp::create(e.b, vector, lane);
  };
  if (lanes & (lanes - 1)) {
    Value sum = extract(0);
    for (int64_t i = 1; i < lanes; ++i)
      sum = e.combine(reduction, sum, extract(i));
    return sum;
  }
  for (; lanes > 1; lanes /= 2) {
    Value low = vector::ExtractStridedSliceOp::create(
        e.b, vector, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{lanes / 2}, ArrayRef<int64_t>{1});
    Value high =
        vector::ExtractStridedSliceOp::create(e.b, vector, ArrayRef<int64_t>{lanes / 2},
                                              ArrayRef<int64_t>{lanes / 2}, ArrayRef<int64_t>{1});
    vector = e.combine(reduction, low, high);
  }
  return extract(0);
}

FailureOr<SmallVector<Value>> emitStrips(KernelEmitter &e, int64_t extent,
                                         ArrayRef<linalg::GenericOp> reductions, StripBody body) {
  StripPlan plan = StripPlan::get(extent, e.vectorLanes);
  size_t n = reductions.size();
  int64_t strip = plan.lanes * plan.unroll;
  // Accumulators: those of the strip's first vector, then of its second, ...
  SmallVector<Value> acc;
  for (int64_t u = 0; u < plan.unroll; ++u)
    for (linalg::GenericOp reduction : reductions)
      acc.push_back(e.identity(reduction, plan.lanes));

  auto vectorAt = [&](Value position, int64_t place, const Lanes &lanes,
                      MutableArrayRef<Value> all) {
    Index at{position, plan.lanes == 1 ? 0 : 1, {}};
    return body(at, lanes, all.slice(place * n, n));
  };
  int64_t full = extent / strip, done = 0;
  if (full > 1) {
    auto loop = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(full * strip),
                                   e.constantIndex(strip), acc);
    {
      KernelEmitter::Scope scope(e);
      e.b.setInsertionPointToStart(loop.getBody());
      SmallVector<Value> inside(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
      for (int64_t u = 0; u < plan.unroll; ++u)
        if (failed(vectorAt(e.add(loop.getInductionVar(), u * plan.lanes), u, {plan.lanes, {}},
                            inside)))
          return failure();
      if (n > 0) // a loop without results has its terminator already
        scf::YieldOp::create(e.b, inside);
    }
    acc.assign(loop.getResults().begin(), loop.getResults().end());
    done = full * strip;
  }
  int64_t place = 0;
  for (; done + plan.lanes <= extent; done += plan.lanes, ++place)
    if (failed(vectorAt(e.constantIndex(done), place % plan.unroll, {plan.lanes, {}}, acc)))
      return failure();
  if (done < extent) {
    place %= plan.unroll;
    Value mask = e.constantMask(extent - done, plan.lanes);
    SmallVector<Value> before(acc);
    if (failed(vectorAt(e.constantIndex(done), place, {plan.lanes, mask}, acc)))
      return failure();
    for (size_t i = place * n; i < (place + 1) * n; ++i)
      acc[i] = arith::SelectOp::create(e.b, mask, acc[i], before[i]);
  }
  SmallVector<Value> results;
  for (auto [i, reduction] : llvm::enumerate(reductions)) {
    SmallVector<Value> places;
    for (int64_t u = 0; u < plan.unroll; ++u)
      places.push_back(acc[u * n + i]);
    while (places.size() > 1) {
      SmallVector<Value> next;
      for (size_t p = 0; p < places.size(); p += 2)
        next.push_back(e.combine(reduction, places[p], places[p + 1]));
      places = next;
    }
    results.push_back(combineLanes(e, reduction, places[0]));
  }
  return results;
}

} // namespace dpc::codegen
