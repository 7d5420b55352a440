// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command list of one block: a task's, or a pair's interleaved.
//
// Parameters, accumulators, constants and the step record have fixed places, so
// a block names them directly; whatever belongs to a micro-batch is an operand
// that each run binds to a slot.
#ifndef DPC_LIB_LOWERING_PLAN_BLOCKPLAN_H
#define DPC_LIB_LOWERING_PLAN_BLOCKPLAN_H

#include "PairSchedule.h"
#include "TaskCommands.h"
#include "Timeline.h"

namespace dpc::lowering {

/// Where a storage of the block lies.
struct BlockStorage {
  enum Place { Operand, Parameter, Accumulator, LossScale, Constant, Workspace } place = Workspace;
  unsigned task = 0; // 0, or 1 for the backward of a pair
  dualpipe::RoleKind role = dualpipe::RoleKind::Kept;
  unsigned index = 0; // of the role
  prog::SlotType type;
  mlir::ElementsAttr value;
  // Operand: its number and how the block uses it. Workspace: offset.
  unsigned operand = 0;
  prog::Access access = prog::Access::Read;
  int64_t offset = 0;
};

struct BlockCommand {
  TaskCommand command;
  std::vector<unsigned> storage; // of the block, parallel to command.uses
  bool collective = false;
  /// Commands (positions in the list) on the other stream to wait for.
  std::vector<unsigned> after;
};

struct BlockPlan {
  Task::Kind kind = Task::Forward;
  unsigned stage = 0, pairStage = 0;
  std::vector<BlockStorage> storage;
  std::vector<unsigned> operands; // storage of operand k
  /// Of operand k, the command at whose end the block has last touched it, on whatever
  /// stream. None if both streams touch it and neither is known to have come last.
  std::vector<std::optional<unsigned>> lastTouch;
  std::vector<BlockCommand> commands; // in order
  bool usesCollectives = false;
  int64_t workspaceBytes = 0;
  TimelineProblem::Duration duration;
  /// Seconds of its commands on the cores and on the links.
  double compute = 0, communication = 0;
  /// Of a pair: what its commands take in the order of the tasks, and the bound.
  double concatenated = 0, lowerBound = 0;
};

/// Plans a block from its tasks' commands: {forward}, {input half}, {weight half},
/// or {forward, input half, weight half} of a pair (the halves may be null). `tight`:
/// its workspace shall be small, for all that the task computes lies there.
BlockPlan planBlock(Task::Kind kind, unsigned stage, unsigned pairStage,
                    llvm::ArrayRef<const TaskCommands *> parts, bool tight = false);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_BLOCKPLAN_H
