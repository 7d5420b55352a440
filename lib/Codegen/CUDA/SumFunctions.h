// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums of several sources, which the runtime asks a GPU for beside the programs' kernels.
#ifndef DPC_LIB_CODEGEN_CUDA_SUMFUNCTIONS_H
#define DPC_LIB_CODEGEN_CUDA_SUMFUNCTIONS_H

#include "dpc/Codegen/CUDA/CompileCudaKernels.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace dpc::codegen {

/// Appends a device function for the sum, and fills how it is launched.
void addSumFunction(CudaSum &sum, mlir::gpu::GPUModuleOp module);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_SUMFUNCTIONS_H
