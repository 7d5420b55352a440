// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processors that device code is made for.
#ifndef DPC_LIB_CODEGEN_CUDA_ARCHITECTURE_H
#define DPC_LIB_CODEGEN_CUDA_ARCHITECTURE_H

#include "dpc/Codegen/CUDA/CompileCudaKernels.h"

#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace dpc::codegen {

struct Architecture {
  std::string name;        ///< "sm_90"
  unsigned ptxVersion = 0; ///< 80 for 8.0

  /// The architecture of this name; a message on error.
  static llvm::Expected<Architecture> get(llvm::StringRef name);
  /// Null where this LLVM has no NVPTX target.
  std::unique_ptr<llvm::TargetMachine> createMachine() const;
};

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CUDA_ARCHITECTURE_H
