// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A half as a list of commands.
//
// Reads one function of a body (after the kernels phase: launches, library
// calls, collectives, views and large constants) and says for every command
// which storage it touches and how. Storage is what a role stands for, a
// temporary of the task, or a constant; views share it, in-place operands and
// their results share it, and a parameter's gradient shares it with its
// accumulator.
#ifndef DPC_LIB_LOWERING_PLAN_TASKCOMMANDS_H
#define DPC_LIB_LOWERING_PLAN_TASKCOMMANDS_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/Prog/Prog.h"
#include "dpc/Machine/Machine.h"

namespace dpc::lowering {

struct Storage {
  enum Kind { Role, Temporary, Constant } kind = Temporary;
  dualpipe::RoleKind role = dualpipe::RoleKind::Kept; // ParamGrad is stored as Accumulator
  unsigned index = 0;
  prog::SlotType type;
  mlir::ElementsAttr value; // of a constant

  int64_t bytes() const { return type.getBytes(); }
};

struct TaskCommand {
  enum Kind { Launch, Call, Collective, Copy } kind = Launch;
  mlir::Operation *op = nullptr; // null for a copy
  /// Storage in the order of the command's buffers.
  std::vector<std::pair<unsigned, prog::Access>> uses;
  double seconds = 0;
  mlir::Location loc;
};

struct TaskCommands {
  std::vector<Storage> storage;
  std::vector<TaskCommand> commands;
  /// Storage of a role, or -1 if the task does not touch it.
  int find(dualpipe::RoleKind role, unsigned index) const;
  double seconds() const;
};

/// Fails with a diagnostic if the function holds an operation that is no command.
mlir::FailureOr<TaskCommands> readTask(mlir::func::FuncOp half, const Machine &machine);

/// Seconds of one launch of a kernel: a buffer that is updated in place is read and
/// written.
double getKernelSeconds(mlir::func::FuncOp kernel, const Machine &machine);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_TASKCOMMANDS_H
