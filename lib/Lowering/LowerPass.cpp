// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lowering phase as a pass: reads the module into plain data, plans, and
// writes a prog.program per coordinate of the pp axis.
#include "dpc/Lowering/Passes.h"

#include "Emit/RankEmitter.h"
#include "Forecast/StageCosts.h"
#include "Forecast/StepForecast.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace dpc::lowering {
#define GEN_PASS_DEF_DUALPIPELOWER
#include "dpc/Lowering/Passes.h.inc"

namespace {

struct DualPipeLower : impl::DualPipeLowerBase<DualPipeLower> {
  using DualPipeLowerBase::DualPipeLowerBase;

  static void keep(ModuleOp module, const StepForecast &forecast) {
    Builder builder(module.getContext());
    module->setAttr(kForecastSecondsAttr, builder.getF64FloatAttr(forecast.seconds));
    module->setAttr(kForecastBubbleAttr, builder.getF64FloatAttr(forecast.bubble));
    keepText(module, kForecastTimelineAttr, "forecast_timeline", printTimeline(forecast.spans));
  }
  static void keepText(ModuleOp module, StringRef name, StringRef resource, StringRef text) {
    Builder builder(module.getContext());
    auto type = RankedTensorType::get({int64_t(text.size())}, builder.getIntegerType(8));
    auto blob = HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef(text.data(), text.size()));
    module->setAttr(name, DenseResourceElementsAttr::get(type, resource, std::move(blob)));
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::Expected<Machine> machine = getMachine(machineFile);
    if (!machine) {
      module.emitError() << llvm::toString(machine.takeError());
      return signalPassFailure();
    }
    SmallVector<dualpipe::ScheduleOp> schedules(module.getOps<dualpipe::ScheduleOp>());
    for (dualpipe::ScheduleOp schedule : schedules) {
      StepPlan training;
      std::vector<RankMemory> memories; // of the training step
      for (const EntryPoint &entry : entryPoints()) {
        bool isTraining = entry.name == trainStep().name;
        // A second schedule is another way to train, and its evaluation the same.
        if (!isTraining && (schedule != schedules.front() || !hasEntryPoint(module, entry)))
          continue;
        // 1. Read.
        FailureOr<StepModel> model = readStep(module, schedule, *machine, entry);
        if (failed(model))
          return signalPassFailure();
        // 2. Plan.
        FailureOr<StepPlan> plan = planStep(*model, *machine, isTraining ? nullptr : &training);
        if (failed(plan))
          return signalPassFailure();
        FailureOr<StepKernels> kernels = createStepKernels(*model, *plan);
        if (failed(kernels))
          return signalPassFailure();
        // 3. Write.
        OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
        for (unsigned rank = 0; rank < model->ranks; ++rank) {
          RankMemory memory =
              planMemory(*model, *plan, rank, isTraining ? nullptr : &memories[rank]);
          emitRank(builder, *model, *plan, rank, memory, *kernels);
          if (isTraining)
            memories.push_back(std::move(memory));
        }
        if (!isTraining)
          continue;
        count(*plan);
        keep(module, forecastStep(*model, *plan, *kernels, *machine));
        keepText(module, kCostsAttr, "costs", printCosts(*model, stageCosts(*model, *machine)));
        training = std::move(*plan);
      }
    }
  }

  void count(const StepPlan &plan) {
    for (const RankPlan &rank : plan.ranks) {
      messages += llvm::count_if(rank.items,
                                 [](const RankItem &item) { return item.kind == RankItem::Send; });
      peakStashes = std::max<unsigned>(peakStashes, rank.peakStashes);
    }
    blocks += plan.blocks.size();
  }
};

} // namespace
} // namespace dpc::lowering
