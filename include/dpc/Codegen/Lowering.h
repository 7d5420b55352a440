// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interfaces through which an operation says how it becomes machine code.
#ifndef DPC_CODEGEN_LOWERING_H
#define DPC_CODEGEN_LOWERING_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace dpc::codegen {
class KernelEmitter;
}

#include "dpc/Codegen/CodegenInterfaces.h.inc"

#endif // DPC_CODEGEN_LOWERING_H
