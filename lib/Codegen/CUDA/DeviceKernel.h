// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device functions of a kernel while they are written.
#ifndef DPC_LIB_CODEGEN_CUDA_DEVICEKERNEL_H
#define DPC_LIB_CODEGEN_CUDA_DEVICEKERNEL_H

#include "../ChooseForm.h"
#include "../KernelBuffers.h"
#include "../KernelEmitter.h"
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"

namespace dpc::codegen {

/// Threads that execute as one.
inline constexpr int64_t kWarp = 32;
/// Bytes that a thread loads or stores at once.
inline constexpr int64_t kAccessBytes = 16;
/// Shared memory for values of a row that are kept. A block has 48 KB without asking for
/// more; the rest is for reductions.
inline constexpr int64_t kKeptBytes = 40 * 1024;

/// A device function. Its code goes to the emitter's insertion point; every thread of
/// every block runs it.
class DeviceFunction {
public:
  DeviceFunction(KernelEmitter &e, mlir::gpu::GPUFuncOp function, DeviceLaunch &launch);

  KernelEmitter &e;
  KernelOutputs outputs;
  mlir::Value block, thread; ///< numbers, of type index
  mlir::Value scratch;       ///< global scratch, a memref of bytes; null without

  /// Memory of the block: a flat memref, aligned for wide accesses.
  mlir::Value addShared(int64_t elements, mlir::Type element);
  /// A part of the global scratch as a flat memref.
  mlir::Value viewScratch(int64_t byteOffset, int64_t elements, mlir::Type element);

  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value x, mlir::Value y);
  mlir::Value div(mlir::Value x, int64_t y);
  mlir::Value rem(mlir::Value x, int64_t y);
  /// Emits `body` for the threads where `condition` holds; null: for all.
  mlir::LogicalResult emitIf(mlir::Value condition, llvm::function_ref<mlir::LogicalResult()> body);
  /// All threads of the block wait for each other and see each other's writes.
  void emitBarrier();
  /// The value of the thread whose number in the warp differs in the bit `distance`. All
  /// threads of the warp must come here.
  mlir::Value exchange(mlir::Value value, int64_t distance);

private:
  mlir::gpu::GPUFuncOp function;
  DeviceLaunch &launch;
};

/// A kernel in linalg on tensors, and the functions that compute it.
class DeviceKernel {
public:
  DeviceKernel(mlir::func::FuncOp lowered, KernelForm form, KernelBuffers buffers,
               mlir::gpu::GPUModuleOp module, CudaKernel &info);

  mlir::func::FuncOp lowered;
  KernelForm form;
  const KernelBuffers buffers;

  /// Appends a function of `grid` blocks of `block` threads, whose code `body` writes for
  /// vectors of `lanes` elements. An empty grid is no function.
  using Body = llvm::function_ref<mlir::LogicalResult(DeviceFunction &)>;
  mlir::LogicalResult addFunction(llvm::StringRef mapping, int64_t grid, int64_t block,
                                  int64_t lanes, Body body);

  /// Bytes of global memory that the functions share; set before the first one.
  void setScratch(uint64_t bytes) { info.scratchBytes = bytes; }

  /// Elements that a thread computes at once, of a line of `extent` that is walked from a
  /// multiple of it: 16 bytes of the widest buffer that has `elements` of them, or less
  /// where the line does not divide into vectors or much is computed of each.
  int64_t chooseLanes(int64_t extent, int64_t elements) const;

  /// The kernel's reductions, each before what reads it.
  llvm::SmallVector<mlir::linalg::GenericOp> getReductions() const;

private:
  mlir::gpu::GPUModuleOp module;
  CudaKernel &info;
};

/// The functions of each form (ChooseForm.h).
mlir::LogicalResult mapFlat(DeviceKernel &kernel);
mlir::LogicalResult mapRows(DeviceKernel &kernel);
mlir::LogicalResult mapColumns(DeviceKernel &kernel);
/// Of rows without reductions, where tiles serve better; none where they do not.
std::optional<mlir::LogicalResult> mapTiles(DeviceKernel &kernel);

/// Writes the device functions of `kernel` (in linalg, of operations of that form) into
/// `module`, erases it, and fills what a launcher must know.
mlir::LogicalResult mapKernel(mlir::func::FuncOp kernel, nn::KernelForm asked,
                              mlir::gpu::GPUModuleOp module, CudaKernel &info);

/// Shape of a tensor.
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType()).getShape();
}

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_DEVICEKERNEL_H
