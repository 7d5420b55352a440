// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From device functions to PTX and cubins.
#ifndef DPC_LIB_CODEGEN_CUDA_DEVICECODE_H
#define DPC_LIB_CODEGEN_CUDA_DEVICECODE_H

#include "Architecture.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace dpc::codegen {

/// Lowers a module of device functions to the NVVM and LLVM dialects. Nothing of it needs
/// a library of device code.
mlir::LogicalResult lowerToNVVM(mlir::gpu::GPUModuleOp module);

/// LLVM bitcode of a module in the NVVM and LLVM dialects, for no architecture yet.
llvm::Expected<std::string> translateToBitcode(mlir::gpu::GPUModuleOp module);

/// Optimises the module for the image's architecture and fills its PTX, and its bitcode
/// if that is kept. Uses nothing that other threads do.
llvm::Error emitPtx(llvm::StringRef bitcode, const Architecture &architecture, bool keepsModule,
                    CudaImage &image);

/// Runs ptxas over the image's PTX and fills its cubin and figures, those of `symbols` in
/// their order. Its files lie in `folder` meanwhile.
llvm::Error assemble(llvm::StringRef ptxas, llvm::StringRef folder,
                     llvm::ArrayRef<std::string> symbols, CudaImage &image);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_DEVICECODE_H
