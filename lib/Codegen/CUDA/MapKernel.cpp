// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a kernel to its device functions, by its form.
#include "DeviceLoops.h"

using namespace mlir;

namespace dpc::codegen {

static LogicalResult mapForm(DeviceKernel &kernel) {
  switch (kernel.form.kind) {
  case KernelForm::Flat:
    return mapFlat(kernel);
  case KernelForm::Rows:
    if (std::optional<LogicalResult> tiles = mapTiles(kernel))
      return *tiles;
    return mapRows(kernel);
  case KernelForm::Columns:
    return mapColumns(kernel);
  case KernelForm::Loops:
    return mapLoops(kernel);
  }
  llvm_unreachable("every form has a mapping");
}

LogicalResult mapKernel(func::FuncOp kernel, nn::KernelForm asked, gpu::GPUModuleOp module,
                        CudaKernel &info) {
  FailureOr<KernelForm> form = chooseForm(kernel, asked);
  if (failed(form))
    return failure();
  FailureOr<KernelBuffers> buffers = KernelBuffers::get(kernel);
  if (failed(buffers))
    return failure();
  info.symbol = kernel.getName().str();
  info.access = buffers->access;
  for (unsigned i = 0; i < buffers->types.size(); ++i)
    info.bufferBytes.push_back(buffers->bytesOf(i));
  DeviceKernel device(kernel, *form, *buffers, module, info);
  if (failed(mapForm(device)))
    return failure();
  kernel.erase();
  return success();
}

} // namespace dpc::codegen
