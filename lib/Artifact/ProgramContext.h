// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all programs of a module share.
#ifndef DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H
#define DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H

#include "dpc/Artifact/ProgramWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "program/format/Reader.h"
#include "llvm/ADT/MapVector.h"

namespace dpc::artifact {

/// Ranks and mesh of the module's programs; no kernels, no constants file.
ProgramContext programContextOf(mlir::ModuleOp module);

/// The programs of each entry point in the module's order, the training step's first.
using EntryFiles = llvm::MapVector<llvm::StringRef, std::vector<dpcrt::ProgramFile>>;

/// All programs as the runtime reads them. Fails with a diagnostic at one that it refuses.
mlir::FailureOr<EntryFiles> writePrograms(mlir::ModuleOp module, const ProgramContext &context);

} // namespace dpc::artifact

#endif // DPC_LIB_ARTIFACT_PROGRAMCONTEXT_H
