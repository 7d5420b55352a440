// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels phase: operations of each half grouped into kernels and library
// calls. docs/Kernels.md describes the groups.
#ifndef DPC_KERNELS_PASSES_H
#define DPC_KERNELS_PASSES_H

#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace dpc::kernels {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "dpc/Kernels/Passes.h.inc"

/// The whole phase.
void buildKernelsPipeline(mlir::OpPassManager &pm, const KernelsEstimateCostOptions &cost = {});

/// Registers the passes and `dpc-kernels-pipeline`.
void registerKernelsPhase();

/// Outlines `operations` of one block (in its order) as a kernel of `module` and
/// puts a launch in their place; results that others read become the kernel's.
/// `repeated` operations are copied into the kernel and stay. `inplace(operand,
/// result)` says which operand may be overwritten by which result. The block may
/// have to be sorted afterwards.
mlir::Operation *
outlineKernel(mlir::ModuleOp module, llvm::ArrayRef<mlir::Operation *> operations,
              llvm::ArrayRef<mlir::Operation *> repeated,
              llvm::function_ref<bool(mlir::Value operand, mlir::Value result)> inplace);

} // namespace dpc::kernels

#endif // DPC_KERNELS_PASSES_H
