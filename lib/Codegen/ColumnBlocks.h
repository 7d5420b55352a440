// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Columns 0..count-1 in blocks of a few vectors, the last of which may be narrower:
// the points of kernels in which a point computes several columns.
#ifndef DPC_LIB_CODEGEN_COLUMNBLOCKS_H
#define DPC_LIB_CODEGEN_COLUMNBLOCKS_H

#include "KernelEmitter.h"

namespace dpc::codegen {

/// Columns computed by one point: this many vectors.
inline constexpr int64_t kColumnVectors = 4;

struct ColumnBlocks {
  int64_t count, lanes, width, blocks;
  ColumnBlocks(int64_t count, int64_t vectorLanes);

  /// Of a point that counts blocks within outer elements: that element, and the block.
  std::pair<mlir::Value, mlir::Value> split(KernelEmitter &e, mlir::Value point) const;

  /// Emits `part` for block `number`, with its first column and how many it has.
  using Part = llvm::function_ref<mlir::LogicalResult(mlir::Value first, int64_t columns)>;
  mlir::LogicalResult emit(KernelEmitter &e, mlir::Value number, Part part) const;
};

/// Where row `number` of a reduction's operand lies in a column: the reduced dimensions from
/// the number, the kept ones from the row that is computed.
Position rowOfReduction(KernelEmitter &e, mlir::linalg::GenericOp reduction, mlir::Value number,
                        Index column);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_COLUMNBLOCKS_H
