// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels for processors. All kernels of a module become one shared object without
// undefined symbols, in which each is
//
//   void k_<hash>(void *const *buffers, int64_t begin, int64_t end)
//
// `buffers` are the arguments in order, then the results that do not share an
// argument's buffer, then a per-thread scratch buffer if `scratchBytes` is not 0.
// They begin where the program format says (alignmentOf in
// runtime/program/format/Program.h). begin..end is a part of the kernel's range: any
// split of 0..range-1 over calls gives the same bits. Nothing is allocated and
// nothing is global.
#ifndef DPC_CODEGEN_CPU_COMPILEKERNELS_H
#define DPC_CODEGEN_CPU_COMPILEKERNELS_H

#include "dpc/Codegen/Codegen.h"

#include "mlir/IR/BuiltinOps.h"

namespace dpc::codegen {

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

} // namespace dpc::codegen

#endif // DPC_CODEGEN_CPU_COMPILEKERNELS_H
