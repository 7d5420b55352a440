// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of an operation with loops of its own: its points in turn.
#include "EmitKernel.h"

#include "dpc/Codegen/Lowering.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {

LogicalResult emitLoops(KernelEmitter &e, const KernelForm &form, KernelFrame &frame) {
  for (auto [value, buffer] : llvm::zip(frame.outputs.values, frame.outputs.buffers)) {
    if (value.getDefiningOp() != form.root)
      return frame.lowered.emitOpError() << "has a result beside those of '" << form.root->getName()
                                         << "', which is computed by loops of its own";
    e.setOutput(value, buffer);
  }
  auto loop = scf::ForOp::create(e.b, frame.begin, frame.end, e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(loop.getBody());
  return cast<LoopLoweringOpInterface>(form.root).emitLoops(e, loop.getInductionVar());
}

} // namespace dpc::codegen
