// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processor that code is made for.
#ifndef DPC_LIB_CODEGEN_CPU_TARGET_H
#define DPC_LIB_CODEGEN_CPU_TARGET_H

#include "dpc/Codegen/CPU/CompileKernels.h"

#include "llvm/Target/TargetMachine.h"

#include <memory>

namespace dpc::codegen {

struct Target {
  std::string cpu;
  std::string features;              ///< in LLVM's form, "+avx2,..."
  std::vector<std::string> required; ///< features that code may use, sorted
  int64_t vectorLanes = 8;           ///< of f32

  /// The target of this name; a message on error.
  static llvm::Expected<Target> get(llvm::StringRef name);
  std::unique_ptr<llvm::TargetMachine> createMachine() const;
};

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CPU_TARGET_H
