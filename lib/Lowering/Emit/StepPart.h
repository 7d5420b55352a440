// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A part of a step as the writer of commands: what it does before the rank's items,
// which items are its own, and what it does after them. Each stands in a file of
// its own.
#ifndef DPC_LIB_LOWERING_EMIT_STEPPART_H
#define DPC_LIB_LOWERING_EMIT_STEPPART_H

#include "../Plan/EntryPoint.h"
#include "RankProgram.h"

namespace dpc::lowering {

class StepPart {
public:
  explicit StepPart(RankProgram &program) : program(program) {}
  virtual ~StepPart() = default;

  virtual void begin() {}
  /// Writes the commands of the first items, as many as it says; 0 if the first is
  /// another part's.
  virtual size_t emit(llvm::ArrayRef<RankItem>) { return 0; }
  virtual void end() {}

protected:
  using Range = RankProgram::Range;
  RankProgram &program;
};

std::unique_ptr<StepPart> makeTasks(RankProgram &program);
std::unique_ptr<StepPart> makeReduction(RankProgram &program);
std::unique_ptr<StepPart> makeStatistics(RankProgram &program);
std::unique_ptr<StepPart> makeUpdate(RankProgram &program);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_EMIT_STEPPART_H
