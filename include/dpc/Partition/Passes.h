// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of the partition phase, and the pipeline that the driver runs.
#ifndef DPC_PARTITION_PASSES_H
#define DPC_PARTITION_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

#include <memory>
#include <string>

namespace dpc::partition {

#define GEN_PASS_DECL
#include "dpc/Partition/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dpc/Partition/Passes.h.inc"

/// Options of the phase; their names are those of the passes.
struct PartitionOptions : public mlir::PassPipelineOptions<PartitionOptions> {
  Option<unsigned> stages{*this, "stages", llvm::cl::desc("How many stages"), llvm::cl::init(1)};
  Option<std::string> cuts{*this, "cuts", llvm::cl::desc("after:PATH,... or a file of such lines"),
                           llvm::cl::init("")};
  Option<std::string> optimizer{*this, "optimizer",
                                llvm::cl::desc("kind of update that dualpipe.training names"),
                                llvm::cl::init("sgd")};
  Option<bool> shard{*this, "shard",
                     llvm::cl::desc("of what several ranks hold, each updates a part"),
                     llvm::cl::init(false)};
  Option<int64_t> microBatches{*this, "micro-batches", llvm::cl::desc("Micro-batches of a step"),
                               llvm::cl::init(1)};
  Option<std::string> machine{*this, "machine", llvm::cl::desc("Machine description (JSON)"),
                              llvm::cl::init("")};
};

/// The passes of the phase, in order.
void buildPartitionPipeline(mlir::OpPassManager &pm, const PartitionOptions &options);

/// Registers the passes and `dpc-partition-pipeline`.
void registerPartition();

} // namespace dpc::partition

#endif // DPC_PARTITION_PASSES_H
