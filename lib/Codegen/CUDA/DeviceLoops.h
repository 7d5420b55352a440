// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations with loops of their own, on a GPU's threads.
#ifndef DPC_LIB_CODEGEN_CUDA_DEVICELOOPS_H
#define DPC_LIB_CODEGEN_CUDA_DEVICELOOPS_H

#include "DeviceKernel.h"

namespace dpc::codegen {
class DeviceKernel;
}

#include "dpc/Codegen/CUDA/CudaInterfaces.h.inc"

namespace dpc::codegen {

/// Attaches every operation's DeviceLoopsOpInterface. Call before the nn dialect is loaded.
void registerDeviceLoops(mlir::DialectRegistry &registry);
void attachScatterLoops(mlir::MLIRContext *context);
void attachLineLoops(mlir::MLIRContext *context);

/// A kernel of an operation with loops of its own.
mlir::LogicalResult mapLoops(DeviceKernel &kernel);

/// A thread for each point of the operation's own loops (LoopLoweringOpInterface): for
/// those whose points are many and read what their neighbours read.
mlir::LogicalResult mapPoints(DeviceKernel &kernel);

/// A warp for each of `count` tasks: `body` has its number, and that of the thread in it.
/// Threads of a warp go the same way.
using WarpBody =
    llvm::function_ref<mlir::LogicalResult(DeviceFunction &, mlir::Value task, mlir::Value lane)>;
mlir::LogicalResult mapTasks(DeviceKernel &kernel, llvm::StringRef mapping, int64_t count,
                             int64_t lanes, WarpBody body);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_DEVICELOOPS_H
