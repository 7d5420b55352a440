// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop over one dimension in strips of several vectors. How wide and how many is
// a function of the extent and the target only, so the order in which a reduction
// adds is one of its shape.
#ifndef DPC_LIB_CODEGEN_STRIPS_H
#define DPC_LIB_CODEGEN_STRIPS_H

#include "KernelEmitter.h"

namespace dpc::codegen {

struct StripPlan {
  int64_t lanes;  ///< elements computed at once
  int64_t unroll; ///< vectors per strip, each with its own accumulators
  static StripPlan get(int64_t extent, int64_t vectorLanes);
};

/// Called for each vector of a strip with its positions, lanes, and the
/// accumulators of its place in the strip, which it updates.
using StripBody = llvm::function_ref<mlir::LogicalResult(Index, const Lanes &,
                                                         llvm::MutableArrayRef<mlir::Value>)>;

/// Runs `body` over 0..extent-1. `reductions` get accumulators; the returned
/// scalars are their results: the elements with equal position modulo the strip
/// are combined in ascending order, then the strip's vectors and lanes in a tree.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
emitStrips(KernelEmitter &e, int64_t extent, llvm::ArrayRef<mlir::linalg::GenericOp> reductions,
           StripBody body);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_STRIPS_H
