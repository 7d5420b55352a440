// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What lowering reads from the module: stages, edges, tasks, parameters, the
// schedule. Plain data beside the operations it came from.
#ifndef DPC_LIB_LOWERING_PLAN_STEPMODEL_H
#define DPC_LIB_LOWERING_PLAN_STEPMODEL_H

#include "EntryPoint.h"
#include "Mirrors.h"
#include "TaskCommands.h"
#include "Timeline.h"

#include "dpc/Schedule/core/Table.h"

namespace dpc::lowering {

struct StepStage {
  dualpipe::StageOp op;
  unsigned body = 0;
  std::vector<unsigned> parameters; // by number in StepModel::parameters
  std::vector<std::string> feeds, graphOutputs;
};

struct StepBody {
  dualpipe::BodyOp op;
  mlir::func::FuncOp forward;            // the entry point's
  std::optional<TaskCommands> halves[3]; // by Half
};

struct StepParameter {
  nn::ParameterOp op;
  bool trained = false;
  bool sharded = false; // each expert rank has values of its own
  prog::SlotType type;  // what blocks read
  prog::SlotType kept;  // what is updated, and summed in gradients and moments
  std::vector<unsigned> stages;
  std::vector<unsigned> holders; // ranks, ascending

  int64_t bytes() const { return type.getBytes(); }
  int64_t keptBytes() const { return kept.getBytes(); }
  /// Whether the values that are updated lie beside those that blocks read.
  bool hasMaster() const { return kept != type; }

  /// Norms count a parameter once, at its first holder.
  bool isCountedOn(unsigned rank) const { return trained && holders.front() == rank; }
};

struct StepModel {
  mlir::ModuleOp module;
  dualpipe::TrainingOp training;
  EntryPoint entry = trainStep();
  std::string name; // of the entry point in programs; training has the schedule's
  schedule::Table table;
  unsigned ranks = 1, dp = 1, ep = 1; // the mesh, ranks being its pp
  bool hasFault = false;              // the loss's stage says where an integer was divided by 0
  std::vector<StepBody> bodies;
  std::vector<StepStage> stages;
  std::vector<StepParameter> parameters;
  Mirrors mirrors; // where the entry point has statistics
  std::vector<Edge> edges;
  /// Of each edge, what it carries; null where the consumer does not read it.
  std::vector<mlir::RankedTensorType> edgeTypes;
  /// Per stage and input (output): the edges that end (start) there.
  std::vector<std::vector<unsigned>> edgeOfInput;
  std::vector<std::vector<std::vector<unsigned>>> edgesOfOutput;
  /// Tasks of each rank in order; a full backward is its two halves.
  std::vector<std::vector<Task>> tasks;

  /// The axes beside pp along which there are several ranks with the same values.
  /// `sharded`: where each expert rank has its own.
  prog::Axes axesOver(bool sharded) const {
    return (dp > 1 ? prog::Axes::Dp : prog::Axes{}) |
           (ep > 1 && !sharded ? prog::Axes::Ep : prog::Axes{});
  }

  /// How many ranks of one coordinate of pp have these values.
  unsigned copiesOver(prog::Axes axes) const {
    return (bitEnumContainsAny(axes, prog::Axes::Dp) ? dp : 1) *
           (bitEnumContainsAny(axes, prog::Axes::Ep) ? ep : 1);
  }

  const TaskCommands *half(unsigned stage, Half half) const {
    const auto &commands = bodies[stages[stage].body].halves[(unsigned)half];
    return commands ? &*commands : nullptr;
  }
};

/// Fails with a diagnostic at the operation that is wrong.
mlir::FailureOr<StepModel> readStep(mlir::ModuleOp module, dualpipe::ScheduleOp schedule,
                                    const Machine &machine, const EntryPoint &entry = trainStep());

/// The same under a table of which the module need not know: over all stages in
/// their order, with the table's own number of micro-batches.
mlir::FailureOr<StepModel> readStep(mlir::ModuleOp module, const schedule::Table &table,
                                    const Machine &machine, const EntryPoint &entry = trainStep());

/// Whether the module has what the entry point's parts are made from. Bodies written
/// by hand may have no evaluation.
bool hasEntryPoint(mlir::ModuleOp module, const EntryPoint &entry);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPMODEL_H
