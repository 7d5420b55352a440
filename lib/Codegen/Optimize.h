// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM's optimiser on kernels, the same for every target.
#ifndef DPC_LIB_CODEGEN_OPTIMIZE_H
#define DPC_LIB_CODEGEN_OPTIMIZE_H

#include "llvm/Passes/OptimizationLevel.h"
#include "llvm/Target/TargetMachine.h"

namespace dpc::codegen {

/// Without vectorisers: loops and accesses are written as vectors already.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_OPTIMIZE_H
