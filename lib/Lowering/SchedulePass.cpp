// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedule phase: a name or a file becomes the module's schedule operation.
#include "dpc/Lowering/Passes.h"

#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Source.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
#define GEN_PASS_DEF_DUALPIPESCHEDULE
#include "dpc/Lowering/Passes.h.inc"

namespace {

struct DualPipeSchedule : impl::DualPipeScheduleBase<DualPipeSchedule> {
  using DualPipeScheduleBase::DualPipeScheduleBase;

  schedule::Result<schedule::Table> makeTable(unsigned microBatches) {
    if (!text.empty())
      return schedule::parseText(text);
    // A file that is for other numbers is told against the step, below.
    if (schedule::isFile(schedule))
      return schedule::loadFile(schedule);
    return schedule::load({schedule, ranks, microBatches, 0});
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    TrainingOp training;
    for (TrainingOp op : module.getOps<TrainingOp>())
      training = op;
    SmallVector<Attribute> stages;
    for (StageOp stage : module.getOps<StageOp>())
      stages.push_back(FlatSymbolRefAttr::get(stage.getSymNameAttr()));
    if (!training || stages.empty()) {
      module.emitError() << "has no stages to schedule; the partition phase must come first";
      return signalPassFailure();
    }
    for (ScheduleOp op : llvm::make_early_inc_range(module.getOps<ScheduleOp>()))
      op.erase();

    auto table = makeTable(training.getMicroBatches());
    if (!table.ok()) {
      training.emitError() << table.error();
      return signalPassFailure();
    }
    auto mismatch = [&](const char *what, uint64_t scheduled, uint64_t asked) {
      training.emitError() << "schedule " << table->name << " is for " << scheduled << " " << what
                           << ", but the step has " << asked;
      signalPassFailure();
    };
    if (table->stages != stages.size())
      return mismatch("stages", table->stages, stages.size());
    if (table->ranks != ranks)
      return mismatch("ranks", table->ranks, ranks);
    if (table->microBatches != (uint64_t)training.getMicroBatches())
      return mismatch("micro-batches", table->microBatches, training.getMicroBatches());
    // A file may say anything.
    if (std::vector<std::string> errors = schedule::check(*table); !errors.empty()) {
      InFlightDiagnostic diag = training.emitError() << "schedule " << table->name
                                                     << " cannot be executed: " << errors.front();
      for (const std::string &error : llvm::drop_begin(errors))
        diag.attachNote() << error;
      return signalPassFailure();
    }

    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    ScheduleOp::create(builder, training.getLoc(), "train_step", builder.getArrayAttr(stages),
                       schedule::printText(*table));
  }
};

} // namespace
} // namespace dpc::lowering
