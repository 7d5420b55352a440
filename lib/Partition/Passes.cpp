// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Thin wrappers: options are read, the phase's functions called.
#include "dpc/Partition/Passes.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Partition/Partition.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include "llvm/Support/FormatVariadic.h"

#include <set>

namespace dpc::partition {
#define GEN_PASS_DEF_DUALPIPEPARTITION
#define GEN_PASS_DEF_DUALPIPEVERIFYPARTITIONED
#include "dpc/Partition/Passes.h.inc"
} // namespace dpc::partition

using namespace mlir;

namespace dpc::partition {

namespace {

struct DualPipePartition : impl::DualPipePartitionBase<DualPipePartition> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto parsed = parseCuts(cuts);
    if (!parsed) {
      module.emitError(llvm::toString(parsed.takeError()));
      return signalPassFailure();
    }
    auto description = getMachine(machine);
    if (!description) {
      module.emitError(llvm::toString(description.takeError()));
      return signalPassFailure();
    }
    PartitionSettings settings;
    settings.stages = stages;
    settings.cuts = *parsed;
    settings.optimizer = optimizer;
    settings.shard = shard;
    settings.microBatches = microBatches;
    if (failed(partition(module, settings, *description)))
      return signalPassFailure();

    std::set<StringRef> bodies;
    for (auto stage : module.getOps<dualpipe::StageOp>()) {
      bodies.insert(stage.getBody());
      numValues += stage.getInputs().size();
    }
    numBodies += bodies.size();
    for (const StageSummary &summary : summarizeStages(module, *description))
      numBytes += summary.bytesIn;
  }
};

struct DualPipeVerifyPartitioned : impl::DualPipeVerifyPartitionedBase<DualPipeVerifyPartitioned> {
  using Base::Base;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    ModuleOp module = getOperation();
    auto description = getMachine(machine);
    if (!description) {
      module.emitError(llvm::toString(description.takeError()));
      return signalPassFailure();
    }
    if (failed(verifyPartitioned(module)))
      return signalPassFailure();
    if (!report)
      return;
    auto stages = llvm::to_vector(module.getOps<dualpipe::StageOp>());
    for (auto [stage, summary] : llvm::zip_equal(stages, summarizeStages(module, *description)))
      stage.emitRemark() << summary.parameters << " parameters, " << summary.flops << " flops, "
                         << summary.bytes << " bytes, " << summary.bytesIn << " bytes in, "
                         << summary.bytesOut << " bytes out, "
                         << llvm::formatv("{0:e2}", summary.seconds).str() << " s";
  }
};

} // namespace

void buildPartitionPipeline(OpPassManager &pm, const PartitionOptions &options) {
  // The whole phase is one decision: where to cut. What follows from it (bodies,
  // stages, sharing) has no useful state between.
  DualPipePartitionOptions partitionOptions;
  partitionOptions.stages = options.stages;
  partitionOptions.cuts = options.cuts;
  partitionOptions.optimizer = options.optimizer;
  partitionOptions.shard = options.shard;
  partitionOptions.microBatches = options.microBatches;
  partitionOptions.machine = options.machine;
  pm.addPass(createDualPipePartition(partitionOptions));
  // Differentiation relies on every mark that this proves.
  DualPipeVerifyPartitionedOptions verifyOptions;
  verifyOptions.machine = options.machine;
  pm.addPass(createDualPipeVerifyPartitioned(verifyOptions));
}

void registerPartition() {
  registerPartitionPasses();
  PassPipelineRegistration<PartitionOptions>(
      "dpc-partition-pipeline", "nn -> dualpipe: stages and their bodies", buildPartitionPipeline);
}

} // namespace dpc::partition
