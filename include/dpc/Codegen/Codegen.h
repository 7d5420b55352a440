// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Code for kernels. A kernel is a `func.func` of nn operations marked
// `dualpipe.kernel`; each operation says how it is written as linalg on tensors
// (Lowering.h), and a target makes loops or threads of that: CPU/CompileKernels.h.
// docs/Kernels.md says how kernels are made and why their bits depend on nothing but
// the operations' shapes and the target.
#ifndef DPC_CODEGEN_CODEGEN_H
#define DPC_CODEGEN_CODEGEN_H

#include "mlir/IR/DialectRegistry.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dpc::codegen {

/// How a kernel uses a buffer.
enum class Access : uint8_t { Read = 0, Write = 1, ReadWrite = 2 };

/// What a caller of a compiled kernel must know.
struct CompiledKernel {
  std::string symbol;
  std::vector<uint64_t> bufferBytes; ///< without the scratch buffer
  std::vector<Access> access;        ///< of each buffer
  uint64_t range = 0;                ///< points
  uint64_t grain = 1;                ///< points worth one piece of work, about 20 µs
  uint64_t scratchBytes = 0;         ///< per thread; last buffer if not 0
  uint64_t flops = 0;                ///< of one whole launch
  uint64_t bytes = 0;                ///< read and written by one whole launch
};

/// Attaches every nn operation's lowering (LinalgLoweringOpInterface or
/// LoopLoweringOpInterface). Call before the nn dialect is loaded.
void registerLoweringModels(mlir::DialectRegistry &registry);

/// Dialects that lowering a kernel to linalg and to vectors creates.
void registerCodegenDialects(mlir::DialectRegistry &registry);

} // namespace dpc::codegen

#endif // DPC_CODEGEN_CODEGEN_H
