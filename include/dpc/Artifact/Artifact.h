// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The artifact phase: programs, machine code, constants and weights become the
// directory that docs/Artifact.md describes.
#ifndef DPC_ARTIFACT_ARTIFACT_H
#define DPC_ARTIFACT_ARTIFACT_H

#include "dpc/Artifact/ProgramWriter.h"
#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace dpc::artifact {

/// What the artifact says of itself beyond what the module holds.
struct ArtifactOptions {
  std::string output;                         ///< directory to make
  bool force = false;                         ///< an existing artifact may be replaced
  std::string modelPath;                      ///< the model's file; parameters inside it are copied
  std::vector<std::string> targets = {"cpu"}; ///< of one kind of device
  /// Folder for the LLVM module of each of a GPU's images; empty: none.
  std::string deviceCode;
  std::string nnModule;      ///< bytecode of the nn module
  std::string config = "{}"; ///< resolved configuration, a JSON object
};

/// What was written, for the summary.
struct ArtifactSummary {
  unsigned kernels = 0;
  uint64_t messages = 0, messageBytes = 0, collectives = 0; ///< of the training step
  std::vector<uint64_t> arenaBytes; ///< per coordinate, of all entry points together
  double kernelSeconds = 0;
  std::string kernelNote; ///< what users should know of the machine code; may be empty
  /// The lowering phase ran, and with it the proof of values; a module that goes on from
  /// behind it has its programs checked again, and not held against its bodies.
  bool areValuesProven = false;
};

/// Compiles the kernels and writes the artifact: into a temporary directory beside
/// the output, opened by the runtime's loader, then renamed. On failure nothing is
/// left, diagnostics were emitted, and the result is the exit status (3, 11, ...).
int writeArtifact(mlir::ModuleOp module, const ArtifactOptions &options, ArtifactSummary &summary);

} // namespace dpc::artifact

#endif // DPC_ARTIFACT_ARTIFACT_H
