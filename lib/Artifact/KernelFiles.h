// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The machine code of an artifact's targets, and the tables that say how devices run it.
#ifndef DPC_LIB_ARTIFACT_KERNELFILES_H
#define DPC_LIB_ARTIFACT_KERNELFILES_H

#include "dpc/Codegen/Codegen.h"
#include "session/Manifest.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>

namespace dpc::artifact {

/// What compiling for targets left.
struct KernelFiles {
  /// Files of the artifact with their contents, and those that were written already.
  std::vector<std::pair<std::string, std::string>> contents;
  std::vector<std::string> written;
  /// The LLVM module, as bitcode, of which each of a GPU's images was made, by the image's
  /// name: "sm_90", "compute_80"; if they are kept.
  std::vector<std::pair<std::string, std::string>> deviceCode;
  std::vector<dpcrt::Manifest::Target> targets;              ///< preferred ones first
  std::map<std::string, std::pair<uint64_t, uint64_t>> work; ///< flops and bytes, by symbol
  unsigned kernels = 0;
  std::string note; ///< what users should know of it; may be empty
};

/// Compiles for targets of one kind of device into the artifact's folder. Errors are
/// diagnostics, and the result the exit status: 3 where the model has what no kernel
/// computes, 11 where a file cannot be written.
int compileTargets(mlir::ModuleOp module, const std::vector<std::string> &names,
                   const std::string &directory, bool keepsDeviceCode, KernelFiles &out);

} // namespace dpc::artifact

#endif // DPC_LIB_ARTIFACT_KERNELFILES_H
