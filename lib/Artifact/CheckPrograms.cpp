// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lowering phase's proof: the bytes that ranks would execute, through the
// runtime's own reader and checker.
#include "dpc/Artifact/Artifact.h"

#include "ProgramContext.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Schedule/core/Text.h"
#include "program/check/Check.h"

using namespace mlir;

namespace dpc::artifact {

ProgramContext programContextOf(ModuleOp module) {
  ProgramContext context;
  context.ranks = 0;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>())
    context.ranks = std::max<uint64_t>(context.ranks, program.getCoordinate() + 1);
  if (auto mesh = module->getAttrOfType<DictionaryAttr>("nn.mesh"))
    if (auto ep = mesh.getAs<IntegerAttr>("ep"))
      context.ep = ep.getInt();
  for (dualpipe::ScheduleOp schedule : module.getOps<dualpipe::ScheduleOp>())
    if (auto table = schedule::parseText(schedule.getText().str()); table.ok())
      context.mirror = std::max<uint64_t>(context.mirror, table->replicas.size());
  return context;
}

FailureOr<EntryFiles> writePrograms(ModuleOp module, const ProgramContext &context) {
  EntryFiles entries;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>()) {
    std::string bytes = writeProgram(program, context);
    auto file = dpcrt::readProgram({bytes.begin(), bytes.end()}, program.getSymName().str());
    if (!file.ok())
      return program.emitError() << file.status().message();
    entries[program.getEntry()].push_back(std::move(*file));
  }
  if (entries.empty())
    return module.emitError() << "has no programs; the lowering phase must come first";
  return std::move(entries);
}

LogicalResult checkPrograms(ModuleOp module, ArtifactSummary *summary) {
  FailureOr<EntryFiles> written = writePrograms(module, programContextOf(module));
  if (failed(written))
    return failure();
  EntryFiles &entries = *written;
  for (auto &[entry, files] : entries) {
    std::vector<const dpcrt::fb::Program *> programs;
    for (dpcrt::ProgramFile &file : files)
      programs.push_back(&file.program());
    dpcrt::CheckReport report;
    dpcrt::Status status = dpcrt::checkPrograms(programs, &report);
    if (!status.ok())
      return module.emitError() << entry << ": " << status.message();
    if (summary && entry == entries.front().first) {
      summary->messages += report.messages;
      summary->messageBytes += report.messageBytes;
      summary->collectives += report.collectives;
    }
  }
  return success();
}

} // namespace dpc::artifact
