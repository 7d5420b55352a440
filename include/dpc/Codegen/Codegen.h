// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Machine code for kernels. A kernel is a `func.func` of nn operations marked
// `dualpipe.kernel`; all kernels of a module become one shared object without
// undefined symbols, in which each is
//
//   void k_<hash>(void *const *buffers, int64_t begin, int64_t end)
//
// `buffers` are the arguments in order, then the results that do not share an
// argument's buffer, then a per-thread scratch buffer if `scratchBytes` is not 0.
// They begin where the program format says (alignmentOf in
// runtime/program/format/Program.h). begin..end is a part of the kernel's range: any
// split of 0..range-1 over calls gives the same bits. Nothing is allocated and
// nothing is global. docs/Kernels.md says how kernels are made and why their bits
// depend on nothing but the operations' shapes and the target.
#ifndef DPC_CODEGEN_CODEGEN_H
#define DPC_CODEGEN_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
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

/// The machine that kernels are compiled for.
struct TargetOptions {
  std::string target = "cpu"; ///< one of targetNames()
  unsigned jobs = 0;          ///< compile workers; 0: one per core. Does not change the output
};

/// The targets there are: "cpu" is "cpu:x86-64-v3", the same on every machine;
/// "cpu:native" is the machine that compiles.
std::vector<std::string> targetNames();

struct CompiledKernels {
  std::vector<CompiledKernel> kernels; ///< in the order of the module
  std::string cpu;                     ///< LLVM's name of the processor
  std::vector<std::string> features;   ///< CPU features the code needs, sorted
};

/// Compiles all kernels of `module` into `outputSharedObject`. Errors are
/// diagnostics; nothing is left at the path then. Where the file system is the
/// reason (a full disk), `fileError` says so too. The module is not changed.
mlir::FailureOr<CompiledKernels> compileKernels(mlir::ModuleOp module, const TargetOptions &options,
                                                llvm::StringRef outputSharedObject,
                                                std::error_code *fileError = nullptr);

/// Whether all kernels of `module` can be compiled: as compileKernels, but for the
/// machine code itself, where nothing can be refused any more.
mlir::LogicalResult checkKernels(mlir::ModuleOp module, const TargetOptions &options);

/// Attaches every nn operation's lowering (LinalgLoweringOpInterface or
/// LoopLoweringOpInterface). Call before the nn dialect is loaded.
void registerLoweringModels(mlir::DialectRegistry &registry);

/// Dialects that lowering a kernel to linalg and to vectors creates.
void registerCodegenDialects(mlir::DialectRegistry &registry);

} // namespace dpc::codegen

#endif // DPC_CODEGEN_CODEGEN_H
