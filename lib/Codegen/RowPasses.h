// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels over rows, whatever walks a row: a row is passed over once per level of
// reductions. Softmax, say, finds the maximum, then exponentials and their sum, then the
// quotients. Each pass computes from memory (or the row's scratch) all that its results
// need. This is where targets part: a core walks a row in strips of vectors, a GPU with a
// warp's or a block's threads, each a vector at a time, and what a row has one of is then
// written by one of them. They differ in `RowMapping` and in nothing else.
#ifndef DPC_LIB_CODEGEN_ROWPASSES_H
#define DPC_LIB_CODEGEN_ROWPASSES_H

#include "ChooseForm.h"
#include "KernelBuffers.h"
#include "KernelEmitter.h"

namespace dpc::codegen {

/// Called for each vector of a row with its positions, lanes, and accumulators, one per
/// reduction, which it updates.
using StripBody = llvm::function_ref<mlir::LogicalResult(Index, const Lanes &,
                                                         llvm::MutableArrayRef<mlir::Value>)>;

/// How a target computes a row.
class RowMapping {
public:
  virtual ~RowMapping();
  /// Runs `body` over positions 0..extent-1; `writes`: it stores elements of the row, which
  /// later passes may read. Returns each reduction's result, a scalar that all that computes
  /// the row has. The order in which a reduction combines is a function of the extent and the
  /// target only.
  virtual mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitStrips(KernelEmitter &e, int64_t extent, llvm::ArrayRef<mlir::linalg::GenericOp> reductions,
             bool writes, StripBody body) = 0;
  /// Writes a value that the row has one of.
  virtual void storeScalar(KernelEmitter &e, mlir::Value buffer, const Index &at,
                           mlir::Value scalar) = 0;
};

/// Emits the passes over row number `row` (an index). `scratch` is a flat memref of f32
/// that the row has for itself; null if the form keeps nothing.
mlir::LogicalResult emitRow(KernelEmitter &e, const KernelForm &form, const KernelOutputs &outputs,
                            mlir::Value scratch, RowMapping &mapping, mlir::Value row);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_ROWPASSES_H
