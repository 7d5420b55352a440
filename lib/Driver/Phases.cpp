// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each phase runs, and why in this order. Nothing else lists passes.
#include "dpc/Driver/Compile.h"

#include "ChosenSchedule.h"
#include "dpc/Artifact/Passes.h"
#include "dpc/Autodiff/Passes.h"
#include "dpc/Import/Passes.h"
#include "dpc/Kernels/Passes.h"
#include "dpc/Lowering/Passes.h"
#include "dpc/Partition/Passes.h"

using namespace mlir;

namespace dpc::driver {

void buildPhase(StringRef phase, OpPassManager &pm, const CompileOptions &options) {
  if (phase == "import") {
    // The model is nn already; what is left are rewritings that must not depend on
    // where it will be cut, and the proof that all of it was understood.
    import::ImportPipelineOptions import;
    import.precision = options.precision;
    import::buildImportPipeline(pm, import);
  } else if (phase == "partition") {
    // Before autodiff: stages are found on the small forward graph, and equal ones
    // are differentiated once.
    partition::PartitionOptions partition;
    partition.stages = countStages(options);
    partition.cuts = options.cuts;
    partition.optimizer = options.optimizer;
    partition.shard = options.shardOptimizer == "on";
    partition.microBatches = options.microBatches;
    partition.machine = options.machine;
    partition::buildPartitionPipeline(pm, partition);
  } else if (phase == "autodiff") {
    // Before kernels: derivatives are of operations, and the choice of what to keep
    // is made on values that kernels would hide.
    autodiff::AutodiffPipelineOptions autodiff;
    autodiff.recompute = options.recompute;
    autodiff::buildAutodiffPipeline(pm, autodiff);
  } else if (phase == "kernels") {
    // Before the schedule: costs of tasks are known once kernels are.
    kernels::KernelsEstimateCostOptions cost;
    cost.machine = options.machine;
    kernels::buildKernelsPipeline(pm, cost);
  } else if (phase == "schedule") {
    lowering::DualPipeScheduleOptions schedule;
    schedule.schedule = options.schedule;
    schedule.ranks = options.ranks;
    schedule.text = options.scheduleText;
    pm.addPass(lowering::createDualPipeSchedule(schedule));
  } else if (phase == "lower") {
    lowering::DualPipeLowerOptions lower;
    lower.machineFile = options.machine;
    pm.addPass(lowering::createDualPipeLower(lower));
    // Before the proofs, which then are of what ranks will execute. While a program is
    // written nobody knows yet what streams of a block learn of each other in it.
    pm.addNestedPass<prog::ProgramOp>(lowering::createProgReduceWaits());
    // The proof: the very bytes that ranks will execute, through the runtime's
    // checker.
    pm.addPass(artifact::createProgCheck());
    // After it, because it takes deadlocks and races to be excluded: that what the ranks
    // will execute is the model.
    pm.addPass(artifact::createProgProveValues());
  }
}

} // namespace dpc::driver
