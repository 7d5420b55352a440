// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_CODEGEN_CODEGENINTERFACES_TD
#define DPC_CODEGEN_CODEGENINTERFACES_TD

include "mlir/IR/OpBase.td"

def LinalgLoweringOpInterface : OpInterface<"LinalgLoweringOpInterface"> {
  let cppNamespace = "::dpc::codegen";
  let description = [{
    How an operation is written as linalg on tensors: `linalg.generic`s whose
    output map is the identity (elementwise, with any reads) or that only combine
    (reductions), and tensor reshapes. This fixes the operation's arithmetic:
    fusion may recompute a value or read it from a register, never change it.
  }];
  let methods = [
    InterfaceMethod<[{
      Writes the operation at the builder's insertion point, from `operands`, and
      appends a value of each result's type. Errors are emitted on the operation.
    }], "::mlir::LogicalResult", "lowerToLinalg",
    (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands,
         "::llvm::SmallVectorImpl<::mlir::Value> &":$results)>
  ];
}

def LoopLoweringOpInterface : OpInterface<"LoopLoweringOpInterface"> {
  let cppNamespace = "::dpc::codegen";
  let description = [{
    For operations that no `linalg.generic` can say (writes at computed places,
    running sums, selections): the loops themselves. Such an operation is alone in
    its kernel, but for elementwise producers, which it reads as they are computed.
  }];
  let methods = [
    InterfaceMethod<[{
      The number of independent points of the kernel's range.
    }], "int64_t", "getLoopPoints", (ins)>,
    InterfaceMethod<[{
      Writes the code of point `point` (an index) at the emitter's insertion point.
    }], "::mlir::LogicalResult", "emitLoops",
    (ins "::dpc::codegen::KernelEmitter &":$emitter, "::mlir::Value":$point)>
  ];
}

#endif
