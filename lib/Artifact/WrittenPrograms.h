// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all programs of a module share.
#ifndef DPC_LIB_ARTIFACT_WRITTENPROGRAMS_H
#define DPC_LIB_ARTIFACT_WRITTENPROGRAMS_H

#include "dpc/Artifact/ProgramWriter.h"
#include "mlir/IR/BuiltinOps.h"
#include "program/format/Reader.h"
#include "llvm/ADT/MapVector.h"

namespace dpc::artifact {

/// Ranks and mesh of the module's programs; no kernels, no constants file.
ProgramContext programContextOf(mlir::ModuleOp module);

/// All programs of a module as the runtime reads them. An analysis: passes that change
/// nothing hand it on.
struct WrittenPrograms {
  explicit WrittenPrograms(mlir::Operation *module);

  /// Else a diagnostic has said which program the runtime refuses, or that there is none.
  bool areComplete = false;
  /// By entry point in the module's order, the training step's first; by rank.
  llvm::MapVector<llvm::StringRef, std::vector<dpcrt::ProgramFile>> entries;
  std::string constants; ///< the content of the constants file that they refer to
};

/// The same, to look at.
std::vector<const dpcrt::fb::Program *> viewsOf(const std::vector<dpcrt::ProgramFile> &files);

} // namespace dpc::artifact

#endif // DPC_LIB_ARTIFACT_WRITTENPROGRAMS_H
