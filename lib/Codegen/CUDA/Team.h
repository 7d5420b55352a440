// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads that compute a line of elements together: a part of a warp, a warp, or a block.
// Each thread combines the elements that fall to it in ascending order, a vector at a
// time; then the lanes of its vector, the threads of a warp by shuffles, and the warps of
// a block through shared memory, each in a tree. So the order is one of the line's length
// and the team's size.
#ifndef DPC_LIB_CODEGEN_CUDA_TEAM_H
#define DPC_LIB_CODEGEN_CUDA_TEAM_H

#include "../RowPasses.h"
#include "DeviceKernel.h"

namespace dpc::codegen {

struct Team {
  int64_t size;       ///< threads: a power of two up to a warp, or a block of whole warps
  mlir::Value member; ///< number of the thread within the team, of type index

  bool isBlock() const { return size > kWarp; }
};

/// How many members have a vector of a line of so many elements.
int64_t countBusy(const Team &team, int64_t extent, int64_t lanes);

/// Of how many threads of a warp, a power of two, `busy` ones have something.
int64_t roundUpInWarp(int64_t busy);

/// What the team's values make together; the members that are busy have it, which are the
/// first ones. Others have the identity, and no elements that the result would be for. All
/// threads of the warp (of the block, if it is the team) must come here.
mlir::Value reduceOverTeam(DeviceFunction &f, const Team &team, int64_t busy,
                           mlir::linalg::GenericOp reduction, mlir::Value value);

/// Walks positions low..high-1, from a multiple of `lanes` on, each busy member a vector of
/// `lanes` at a time. Returns the reductions' results as RowMapping does.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
walkLine(DeviceFunction &f, const Team &team, int64_t busy, mlir::Value low, mlir::Value high,
         int64_t lanes, llvm::ArrayRef<mlir::linalg::GenericOp> reductions, StripBody body);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_TEAM_H
