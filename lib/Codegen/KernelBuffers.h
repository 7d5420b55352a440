// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a kernel reads and writes, whatever the target: its arguments in order, and then
// the results that do not share an argument's buffer.
#ifndef DPC_LIB_CODEGEN_KERNELBUFFERS_H
#define DPC_LIB_CODEGEN_KERNELBUFFERS_H

#include "dpc/Codegen/Codegen.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dpc::codegen {

struct KernelBuffers {
  llvm::SmallVector<mlir::Type> types; ///< flat memrefs
  std::vector<Access> access;
  llvm::SmallVector<mlir::Value> results;
  llvm::SmallVector<unsigned> resultBuffers; ///< of each result, its number

  /// Of a kernel in linalg on tensors. Fails where `dualpipe.inplace` names a result
  /// that the argument cannot share a buffer with.
  static mlir::FailureOr<KernelBuffers> get(mlir::func::FuncOp lowered);

  uint64_t bytesOf(unsigned buffer) const;
};

/// A kernel's results and where the code being written stores them.
struct KernelOutputs {
  llvm::SmallVector<mlir::Value> values;  ///< tensors of the lowered kernel
  llvm::SmallVector<mlir::Value> buffers; ///< flat memrefs
};

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_KERNELBUFFERS_H
