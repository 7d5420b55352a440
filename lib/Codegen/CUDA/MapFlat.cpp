// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels that are elementwise over the whole: a thread for 16 bytes, and one for each
// element that is left.
#include "DeviceKernel.h"

using namespace mlir;

namespace dpc::codegen {

static constexpr int64_t kBlock = 256;

LogicalResult mapFlat(DeviceKernel &kernel) {
  int64_t count = kernel.form.inner;
  int64_t lanes = kernel.chooseLanes(0, count); // all extents are multiples but for the tail
  int64_t whole = count / lanes, rest = count % lanes;
  return kernel.addFunction(
      "flat: a thread per 16 bytes", llvm::divideCeil(whole + rest, kBlock), kBlock, lanes,
      [&](DeviceFunction &f) {
        KernelEmitter &e = f.e;
        auto compute = [&](Value at, int64_t width) -> LogicalResult {
          Index index{at, width == 1 ? 0 : 1, {}};
          for (auto [value, buffer] : llvm::zip(f.outputs.values, f.outputs.buffers)) {
            Value result = e.evaluate(value, Position{{index}, true}, {width, {}});
            if (!result)
              return failure();
            e.store(buffer, index, result, {width, {}});
          }
          return success();
        };
        auto below = [&](Value number, int64_t limit) {
          return f.compare(arith::CmpIPredicate::ult, number, e.constantIndex(limit));
        };
        Value number = e.add(e.mul(f.block, kBlock), f.thread);
        bool isFull = rest == 0 && whole % kBlock == 0; // no thread has nothing to do
        if (whole > 0 && failed(f.emitIf(isFull ? Value() : below(number, whole),
                                         [&] { return compute(e.mul(number, lanes), lanes); })))
          return failure();
        if (rest == 0)
          return success();
        // Threads before these wrap around to numbers that are not below `rest`.
        Value past = arith::SubIOp::create(e.b, number, e.constantIndex(whole));
        return f.emitIf(below(past, rest), [&] { return compute(e.add(past, whole * lanes), 1); });
      });
}

} // namespace dpc::codegen
