// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes around code generation. Kernels are compiled by compileKernels, each
// group in a context of its own; a pass only shows what happens to them.
#ifndef DPC_CODEGEN_CPU_PASSES_H
#define DPC_CODEGEN_CPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace dpc::codegen {

#define GEN_PASS_DECL
#include "dpc/Codegen/CPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dpc/Codegen/CPU/Passes.h.inc"

} // namespace dpc::codegen

#endif // DPC_CODEGEN_CPU_PASSES_H
