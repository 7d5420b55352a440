// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the lowering phase's proofs look at: the bytes that ranks would execute, through
// the runtime's own reader.
#include "WrittenPrograms.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Schedule/core/Text.h"

using namespace mlir;

namespace dpc::artifact {

ProgramContext programContextOf(ModuleOp module) {
  ProgramContext context;
  context.ranks = 0;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>())
    context.ranks = std::max<uint64_t>(context.ranks, program.getCoordinate() + 1);
  context.dp = nn::getMeshSize(module, "dp").value_or(1);
  context.ep = nn::getMeshSize(module, "ep").value_or(1);
  for (dualpipe::ScheduleOp schedule : module.getOps<dualpipe::ScheduleOp>())
    if (auto table = schedule::parseText(schedule.getText().str()); table.ok())
      context.mirror = std::max<uint64_t>(context.mirror, table->replicas.size());
  return context;
}

WrittenPrograms::WrittenPrograms(Operation *op) {
  auto module = cast<ModuleOp>(op);
  std::map<std::string, uint64_t> offsets;
  ProgramContext context = programContextOf(module);
  context.constantOffsets = &offsets;
  context.constants = &constants;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>()) {
    std::string bytes = writeProgram(program, context);
    auto file = dpcrt::readProgram({bytes.begin(), bytes.end()}, program.getSymName().str());
    if (!file.ok()) {
      program.emitError() << file.status().message();
      return;
    }
    entries[program.getEntry()].push_back(std::move(*file));
  }
  areComplete = !entries.empty();
  if (!areComplete)
    module.emitError() << "has no programs; the lowering phase must come first";
}

std::vector<const dpcrt::fb::Program *> viewsOf(const std::vector<dpcrt::ProgramFile> &files) {
  std::vector<const dpcrt::fb::Program *> views;
  for (const dpcrt::ProgramFile &file : files)
    views.push_back(&file.program());
  return views;
}

} // namespace dpc::artifact
