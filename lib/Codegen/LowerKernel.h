// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps of compiling a group of kernels, each over its own module and context.
#ifndef DPC_LIB_CODEGEN_LOWERKERNEL_H
#define DPC_LIB_CODEGEN_LOWERKERNEL_H

#include "Target.h"
#include "dpc/Codegen/Codegen.h"
#include "dpc/Dialect/NN/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dpc::codegen {

/// Rewrites a kernel's nn operations as linalg on tensors, in place. Operations
/// with loops of their own stay. Returns the form that the operations ask for.
mlir::FailureOr<nn::KernelForm> lowerToLinalg(mlir::func::FuncOp kernel);

/// Replaces `kernel` (in linalg, of operations of that form) by a function of its
/// buffers, begin and end, in scf, vector and memref, and fills what a caller must
/// know.
mlir::LogicalResult emitKernelLoops(mlir::func::FuncOp kernel, nn::KernelForm form,
                                    const Target &target, CompiledKernel &info);

/// Lowers a module of such functions to the LLVM dialect, with the entry points of
/// Codegen.h.
mlir::LogicalResult lowerToLLVM(mlir::ModuleOp module);

/// Expands exp, log, tanh, erf, and 16-bit floats' conversions.
mlir::LogicalResult expandMath(mlir::ModuleOp module);

/// Object code of a module in the LLVM dialect.
llvm::Expected<std::string> emitObject(mlir::ModuleOp module, const Target &target);

/// Work of one launch of a kernel of nn operations.
void measureWork(mlir::func::FuncOp kernel, CompiledKernel &info);

/// Links objects, in order, into a shared object without undefined symbols.
llvm::Error linkSharedObject(llvm::ArrayRef<std::string> objects, llvm::StringRef output);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_LOWERKERNEL_H
