// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which operations of a joint body compute the same as an earlier one. A
// recomputation is an operation equal to one of an earlier function.
#ifndef DPC_LIB_AUTODIFF_EQUIVALENCE_H
#define DPC_LIB_AUTODIFF_EQUIVALENCE_H

#include "dpc/Autodiff/Joint.h"

namespace dpc::autodiff {

/// For each operation of the block the first one that computes the same from the
/// same (itself if there is none).
llvm::DenseMap<mlir::Operation *, mlir::Operation *> findLeaders(mlir::Block &block);

/// Whether a half may compute the operation again without being asked to: no
/// library call, no communication, no reduction.
bool isCheap(mlir::Operation *op);

/// Floating-point operations; 0 for operations that do not say.
int64_t getFlops(mlir::Operation *op);

} // namespace dpc::autodiff

#endif // DPC_LIB_AUTODIFF_EQUIVALENCE_H
