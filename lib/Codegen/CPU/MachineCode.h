// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From loops to a shared object.
#ifndef DPC_LIB_CODEGEN_CPU_MACHINECODE_H
#define DPC_LIB_CODEGEN_CPU_MACHINECODE_H

#include "Target.h"

#include "mlir/IR/BuiltinOps.h"

namespace dpc::codegen {

/// Gives every bf16 of the module's functions, buffers too, the type i16 of its bits. What
/// converts to and from bf16 must have been expanded (LowerKernel.h, expandMath); anything
/// that still computes in it is an error.
mlir::LogicalResult storeBFloatAsBits(mlir::ModuleOp module);

/// Lowers a module of functions of buffers to the LLVM dialect, with the entry points
/// of CompileKernels.h.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// Object code of a module in the LLVM dialect.
llvm::Expected<std::string> emitObject(mlir::ModuleOp module, const Target &target);

/// Links objects, in order, into a shared object without undefined symbols.
llvm::Error linkSharedObject(llvm::ArrayRef<std::string> objects, llvm::StringRef output);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CPU_MACHINECODE_H
