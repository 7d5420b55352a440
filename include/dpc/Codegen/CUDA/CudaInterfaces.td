// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_CODEGEN_CUDA_CUDAINTERFACES_TD
#define DPC_CODEGEN_CUDA_CUDAINTERFACES_TD

include "mlir/IR/OpBase.td"

def DeviceLoopsOpInterface : OpInterface<"DeviceLoopsOpInterface"> {
  let cppNamespace = "::dpc::codegen";
  let description = [{
    For operations with loops of their own (LoopLoweringOpInterface): how a GPU's threads
    compute them. Such an operation is the only one whose results its kernel has; its
    elementwise producers it reads as they are computed.
  }];
  let methods = [
    InterfaceMethod<[{
      Appends the device functions that compute the operation.
    }], "::mlir::LogicalResult", "mapToDevice",
    (ins "::dpc::codegen::DeviceKernel &":$kernel)>
  ];
}

#endif
