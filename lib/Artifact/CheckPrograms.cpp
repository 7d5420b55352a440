// The lowering phase's proof: the bytes that ranks would execute, through the
// runtime's own reader and checker.
#include "dpc/Artifact/Artifact.h"

#include "Surroundings.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Schedule/Text.h"
#include "program/Check.h"
#include "program/Reader.h"

using namespace mlir;

namespace dpc::artifact {

ProgramSurroundings surroundingsOf(ModuleOp module) {
  ProgramSurroundings around;
  around.ranks = 0;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>())
    around.ranks = std::max<uint64_t>(around.ranks, program.getCoordinate() + 1);
  if (auto mesh = module->getAttrOfType<DictionaryAttr>("nn.mesh"))
    if (auto ep = mesh.getAs<IntegerAttr>("ep"))
      around.ep = ep.getInt();
  for (dualpipe::ScheduleOp schedule : module.getOps<dualpipe::ScheduleOp>())
    if (auto table = schedule::parseText(schedule.getText().str()); table.ok())
      around.mirror = std::max<uint64_t>(around.mirror, table->replicas.size());
  return around;
}

LogicalResult checkPrograms(ModuleOp module, ArtifactSummary *summary) {
  std::map<std::string, std::vector<dpcrt::ProgramFile>> entries;
  ProgramSurroundings around = surroundingsOf(module);
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>()) {
    std::string bytes = writeProgram(program, around);
    auto file = dpcrt::readProgram({bytes.begin(), bytes.end()}, program.getSymName().str());
    if (!file.ok())
      return program.emitError() << file.status().message();
    entries[program.getEntry().str()].push_back(std::move(*file));
  }
  if (entries.empty())
    return module.emitError() << "has no programs; the lowering phase must come first";
  for (auto &[entry, files] : entries) {
    std::vector<const dpcrt::fb::Program *> programs;
    for (dpcrt::ProgramFile &file : files)
      programs.push_back(&file.program());
    dpcrt::CheckReport report;
    dpcrt::Status status = dpcrt::checkPrograms(programs, &report);
    if (!status.ok())
      return module.emitError() << entry << ": " << status.message();
    if (summary) {
      summary->messages += report.messages;
      summary->messageBytes += report.messageBytes;
      summary->collectives += report.collectives;
    }
  }
  return success();
}

} // namespace dpc::artifact
