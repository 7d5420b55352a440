// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The partition phase: the function of a model becomes stages that share bodies.
//
//   func @forward over nn  ->  dualpipe.training, dualpipe.body..., dualpipe.stage...
//
// Graph.h and Cuts.h hold the algorithms over plain data; here is what connects
// them with IR. docs/Partition.md says what is minimised and what crosses a cut.
#ifndef DPC_PARTITION_PARTITION_H
#define DPC_PARTITION_PARTITION_H

#include "dpc/Machine/Machine.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace dpc::partition {

/// What the user asked for, resolved.
struct PartitionSettings {
  unsigned stages = 1;
  /// Module paths or node names to cut after, one fewer than stages; empty: the
  /// best cuts are found.
  std::vector<std::string> cuts;
  std::string optimizer = "sgd";
  bool shard = false; ///< the update of what several ranks hold
  int64_t microBatches = 1;
};

/// Reads `--cuts`: `after:PATH,after:PATH...`, or the name of a file with one
/// `after:PATH` a line ('#' begins a comment). Empty text: no cuts.
llvm::Expected<std::vector<std::string>> parseCuts(llvm::StringRef text);

/// Replaces the module's `func @forward` by bodies and stages. Emits errors: more
/// stages than the model allows, cuts that it does not have or that are not in
/// order, stages that nodes ask for and edges forbid.
mlir::LogicalResult partition(mlir::ModuleOp module, const PartitionSettings &settings,
                              const Machine &machine);

/// The largest legal number of stages of a module that is not partitioned yet;
/// fails (with diagnostics) if it cannot be trained at all.
mlir::FailureOr<unsigned> getMaxStages(mlir::ModuleOp module);

/// What one stage holds and does for one micro-batch, forward and backward.
struct StageSummary {
  std::string name, body;
  int64_t parameters = 0; ///< elements of its parameters
  int64_t flops = 0, bytes = 0;
  int64_t bytesIn = 0, bytesOut = 0; ///< activations received and sent
  double seconds = 0;                ///< estimated, without messages
};

/// The stages of a partitioned module, in order.
std::vector<StageSummary> summarizeStages(mlir::ModuleOp module, const Machine &machine);

/// The closing check: stages are well bound, only values that may cross a cut do,
/// and marks of activity are consistent. Emits every violation.
mlir::LogicalResult verifyPartitioned(mlir::ModuleOp module);

} // namespace dpc::partition

#endif // DPC_PARTITION_PARTITION_H
