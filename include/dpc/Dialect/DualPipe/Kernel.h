// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Making kernels outside of bodies, and what kernels are called.
#ifndef DPC_DIALECT_DUALPIPE_KERNEL_H
#define DPC_DIALECT_DUALPIPE_KERNEL_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace dpc::dualpipe {

/// The name of a kernel: `k_` and the hash of its text without name, locations and
/// visibility.
std::string getKernelName(mlir::func::FuncOp kernel);

/// A kernel whose body `build` writes; `inplace[i]` is the result that argument i shares a
/// buffer with, or -1 (also where the list ends before). An equal kernel of the module is
/// used again.
mlir::func::FuncOp createKernel(mlir::ModuleOp module, llvm::ArrayRef<mlir::Type> arguments,
                                llvm::ArrayRef<int> inplace,
                                llvm::function_ref<void(mlir::OpBuilder &, mlir::ValueRange,
                                                        llvm::SmallVectorImpl<mlir::Value> &)>
                                    build);

/// A kernel with one result that is called `name` instead, which says what it does: one
/// that the module has is not built again.
mlir::func::FuncOp
createNamedKernel(mlir::ModuleOp module, llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments,
                  llvm::function_ref<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)> build);

} // namespace dpc::dualpipe

#endif // DPC_DIALECT_DUALPIPE_KERNEL_H
