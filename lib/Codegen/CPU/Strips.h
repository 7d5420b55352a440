// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A loop over one dimension in strips of several vectors. How wide and how many is
// a function of the extent and the target only, so the order in which a reduction
// adds is one of its shape.
#ifndef DPC_LIB_CODEGEN_CPU_STRIPS_H
#define DPC_LIB_CODEGEN_CPU_STRIPS_H

#include "../RowPasses.h"

namespace dpc::codegen {

struct StripPlan {
  int64_t lanes;  ///< elements computed at once
  int64_t unroll; ///< vectors per strip, each with its own accumulators
  static StripPlan get(int64_t extent, int64_t vectorLanes);
};

/// Runs `body` over 0..extent-1. `reductions` get accumulators, those of each place in
/// the strip; the returned scalars are their results: the elements with equal position modulo the
/// strip are combined in ascending order, then the strip's vectors and lanes in a tree.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
emitStrips(KernelEmitter &e, int64_t extent, llvm::ArrayRef<mlir::linalg::GenericOp> reductions,
           StripBody body);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CPU_STRIPS_H
