// The lowering phase as a pass: reads the module into plain data, plans, and
// writes a prog.program per coordinate of the pp axis.
#include "dpc/Lowering/Passes.h"

#include "RankEmitter.h"

using namespace mlir;

namespace dpc::lowering {
#define GEN_PASS_DEF_DUALPIPELOWER
#include "dpc/Lowering/Passes.h.inc"

namespace {

struct DualPipeLower : impl::DualPipeLowerBase<DualPipeLower> {
  using DualPipeLowerBase::DualPipeLowerBase;

  // What the walk says of the step's tasks; the update comes on top.
  static void forecast(ModuleOp module, const StepPlan &plan) {
    double busy = 0;
    for (double seconds : plan.timeline.busy)
      busy += seconds;
    double total = plan.timeline.makespan * plan.ranks.size();
    Builder builder(module.getContext());
    module->setAttr(kForecastSecondsAttr, builder.getF64FloatAttr(plan.timeline.makespan));
    module->setAttr(kForecastBubbleAttr, builder.getF64FloatAttr(total > 0 ? 1 - busy / total : 0));
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
      // 1. Read.
      FailureOr<StepModel> model = readStep(module, schedule, *machine);
      if (failed(model))
        return signalPassFailure();
      // 2. Plan.
      FailureOr<StepPlan> plan = planStep(*model, *machine);
      if (failed(plan))
        return signalPassFailure();
      FailureOr<StepKernels> kernels = createStepKernels(*model);
      if (failed(kernels))
        return signalPassFailure();
      // 3. Write.
      OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
      for (unsigned rank = 0; rank < model->ranks; ++rank) {
        if (failed(emitRank(builder, *model, *plan, rank, *kernels)))
          return signalPassFailure();
        messages += llvm::count_if(plan->ranks[rank].items, [](const RankItem &item) { return item.kind == RankItem::Send; });
        peakStashes = std::max<unsigned>(peakStashes, plan->ranks[rank].peakStashes);
      }
      blocks += plan->blocks.size();
      forecast(module, *plan);
    }
  }
};

} // namespace
} // namespace dpc::lowering
