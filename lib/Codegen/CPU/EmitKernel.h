// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a kernel in linalg on tensors to a function of its buffers, begin and end, whose
// loops compute the points from begin to end.
#ifndef DPC_LIB_CODEGEN_CPU_EMITKERNEL_H
#define DPC_LIB_CODEGEN_CPU_EMITKERNEL_H

#include "../ChooseForm.h"
#include "../KernelBuffers.h"
#include "../KernelEmitter.h"
#include "Target.h"

namespace dpc::codegen {

/// What the loops need to know of the function they are written into.
struct KernelFrame {
  mlir::func::FuncOp lowered;
  KernelOutputs outputs;
  mlir::Value scratch;    ///< flat memref of f32
  mlir::Value begin, end; ///< the points to compute
};

/// Points of a Flat kernel are tiles of this many elements.
inline constexpr int64_t kFlatTile = 4096;
/// Rows added before their sum is added to the column's total.
inline constexpr int64_t kColumnChunk = 64;

mlir::LogicalResult emitFlat(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitRows(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitColumns(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitLoops(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);

/// Replaces `kernel` (in linalg, of operations of that form) by a function of its
/// buffers, begin and end, in scf, vector and memref, and fills what a caller must
/// know.
mlir::LogicalResult emitKernelLoops(mlir::func::FuncOp kernel, nn::KernelForm asked,
                                    const Target &target, CompiledKernel &info);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CPU_EMITKERNEL_H
