// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps from nn to what every target's code is made of.
#ifndef DPC_LIB_CODEGEN_LOWERKERNEL_H
#define DPC_LIB_CODEGEN_LOWERKERNEL_H

#include "dpc/Codegen/Codegen.h"
#include "dpc/Dialect/NN/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dpc::codegen {

/// Rewrites a kernel's nn operations as linalg on tensors, in place. Operations
/// with loops of their own stay. Returns the form that the operations ask for.
mlir::FailureOr<nn::KernelForm> lowerToLinalg(mlir::func::FuncOp kernel);

/// Expands exp, log, tanh and erf, on every target alike.
mlir::LogicalResult expandFunctions(mlir::ModuleOp module);

/// The same, and 16-bit floats' conversions, for processors that have none.
mlir::LogicalResult expandMath(mlir::ModuleOp module);

/// Whether kernels below `root` do what one may. Called on the last form that shows it: they
/// allocate nothing, call nothing, and no operation of nn is left.
mlir::LogicalResult checkKernelCode(mlir::Operation *root);

/// Work of one launch of a kernel of nn operations.
void measureWork(mlir::func::FuncOp kernel, CompiledKernel &info);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_LOWERKERNEL_H
