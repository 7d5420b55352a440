// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels over rows on a core: rows in turn, each in strips of vectors.
#include "../RowPasses.h"
#include "EmitKernel.h"
#include "Strips.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {

namespace {
struct CoreRows : RowMapping {
  FailureOr<SmallVector<Value>> emitStrips(KernelEmitter &e, int64_t extent,
                                           ArrayRef<linalg::GenericOp> reductions, bool /*writes*/,
                                           StripBody body) override {
    return codegen::emitStrips(e, extent, reductions, body);
  }
  void storeScalar(KernelEmitter &e, Value buffer, const Index &at, Value scalar) override {
    e.store(buffer, at, scalar, {});
  }
};
} // namespace

LogicalResult emitRows(KernelEmitter &e, const KernelForm &form, KernelFrame &frame) {
  auto loop = scf::ForOp::create(e.b, frame.begin, frame.end, e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(loop.getBody());
  CoreRows mapping;
  return emitRow(e, form, frame.outputs, frame.scratch, mapping, loop.getInductionVar());
}

} // namespace dpc::codegen
