// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all programs of a module share.
#ifndef DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H
#define DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H

#include "dpc/Artifact/ProgramWriter.h"
#include "mlir/IR/BuiltinOps.h"

namespace dpc::artifact {

/// Ranks and mesh of the module's programs; no kernels, no constants file.
ProgramContext programContextOf(mlir::ModuleOp module);

} // namespace dpc::artifact

#endif // DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H
