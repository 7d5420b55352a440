// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc compile`: the one list of phases, from a model's file to an artifact.
#ifndef DPC_DRIVER_COMPILE_H
#define DPC_DRIVER_COMPILE_H

#include "dpc/Import/Import.h"
#include "mlir/Pass/PassManager.h"

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace dpc::driver {

/// The phases in order; each closes with a pass that proves it is over.
inline constexpr const char *kPhases[] = {"import",   "partition", "autodiff", "kernels",
                                          "schedule", "lower",     "codegen",  "artifact"};
/// Attribute of a dumped module: the last phase it has been through.
inline constexpr llvm::StringLiteral kPhaseAttr = "dpc.phase";

/// Attribute of a module after import that computes in another precision than f32.
inline constexpr llvm::StringLiteral kPrecisionAttr = "dpc.precision";

/// Attribute of a module after import: the nn module as bytecode. The artifact
/// carries it for `dpc verify`, also if compilation goes on from a dumped phase.
inline constexpr llvm::StringLiteral kSourceAttr = "dpc.source";

struct CompileOptions {
  std::string input, output;
  unsigned ranks = 1;
  unsigned microBatches = 0;      ///< of a data-parallel replica; 0: 4 x ranks
  std::optional<unsigned> dp, ep; ///< axes of the mesh; none: what the module says, or 1
  std::string schedule;     ///< empty: the default for ranks and micro-batches; auto: dpc chooses
  std::string scheduleText; ///< in the text form, where no name stands for it; `schedule` is what
                            ///< it is called
  std::string cuts;
  std::string optimizer = "adamw";
  std::string shardOptimizer = "auto"; ///< on, off, or auto: where --memory-limit asks for it
  std::vector<std::string> targets = {"cpu"};
  std::string machine;
  std::string precision = "f32";    ///< or bf16: mixed precision
  std::string recompute = "budget"; ///< what halves compute again: none, budget or full
  uint64_t memoryLimit = 0;         ///< bytes that a rank may need; 0: any
  std::string compileTo = "artifact";
  std::string dumpPhases;     ///< folder; empty: none
  std::string dumpDeviceCode; ///< folder; empty: none
  std::string report;         ///< file; empty: none
  bool force = false;
  import::ImportOptions import;
};

/// Adds the passes of one phase, with the reason for each one's place.
void buildPhase(llvm::StringRef phase, mlir::OpPassManager &pm, const CompileOptions &options);

/// Compiles; progress and errors go to `err`, the summary to `out`. The result is
/// the exit status.
int compile(CompileOptions options, std::ostream &out, std::ostream &err);

/// `dpc compile ARGS...`
int compileCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc inspect MODEL.dpc [--rank R] [--block NAME]`
int inspectCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc verify MODEL.dpc [--data SOURCE] [--steps N]`
int verifyCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc export MODEL.dpc [--checkpoint DIR] -o TRAINED.onnx|WEIGHTS.safetensors`
int exportCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc explain MODEL.dpc|MODEL.onnx [--pp P ...]`
int explainCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc onnx-test DIR... [--bind INPUT=FILE]`
int onnxTestCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);
/// `dpc check MODEL.onnx`
int checkCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);

} // namespace dpc::driver

#endif // DPC_DRIVER_COMPILE_H
