// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that are elementwise over the whole: tiles of it, in strips of vectors.
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

} // namespace dpc::codegen
