// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which operations share a kernel. Plain functions over a block of nn operations;
// the pass KernelsOutline turns the groups into functions.
#ifndef DPC_LIB_KERNELS_GROUPING_H
#define DPC_LIB_KERNELS_GROUPING_H

#include "dpc/Dialect/NN/NN.h"

#include "mlir/IR/Block.h"
#include "llvm/ADT/SetVector.h"

namespace dpc::kernels {

/// What an operation is to the kernels phase.
enum class Place {
  Half,    ///< stays: library call, collective, view, large constant, return
  Inside,  ///< belongs to exactly one kernel
  Anywhere ///< costs next to nothing: repeated in every kernel that reads it
};

/// Where operations of `block` belong. An operation is `Anywhere` if it reads less
/// than it makes and computes little: constants, iota, broadcasts, masks of them.
llvm::DenseMap<mlir::Operation *, Place> placeOperations(mlir::Block &block);

/// A kernel's operations, in the block's order.
using Group = llvm::SetVector<mlir::Operation *>;

/// Groups of the `Inside` operations, such that groups and half-level operations
/// can be put in order. Deterministic. Fails where an operation that would be in a
/// kernel does not say its form, naming all of them.
mlir::FailureOr<std::vector<Group>>
groupOperations(mlir::Block &block, const llvm::DenseMap<mlir::Operation *, Place> &places);

/// Large constants stay at the half's level and are kernels' operands.
bool isLargeConstant(mlir::Operation *op);
/// Launches, library calls, views, collectives, large constants: what may remain.
bool belongsToHalf(mlir::Operation *op);

} // namespace dpc::kernels

#endif // DPC_LIB_KERNELS_GROUPING_H
