// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Values.h.
#include "Values.h"

#include "data/Files.h"
#include "dpc/Proof/ProveValues.h"
#include "program/format/Reader.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <ostream>

using namespace mlir;
using dpcrt::Code;
using dpcrt::Status;

namespace dpc::verify {

static const char kDefinition[] = "step.mlirbc";

Status proveValues(const std::string &artifact, const std::vector<EntryFiles> &entries,
                   const std::string &constantsFile, MLIRContext *context,
                   const std::function<void(const std::string &)> &differ, std::ostream &out) {
  std::string bytecode, constants;
  if (Status s = dpcrt::readWholeFile(artifact + "/" + kDefinition, Code::Artifact, bytecode);
      !s.ok())
    return s.within("verify needs the definition of the step that compile puts into an artifact; "
                    "compile the model again");
  if (!constantsFile.empty())
    if (Status s = dpcrt::readWholeFile(artifact + "/" + constantsFile, Code::Artifact, constants);
        !s.ok())
      return s;
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(bytecode, context);
  if (!module)
    return Status(Code::Artifact, "the artifact's definition of its step cannot be read");
  for (const EntryFiles &entry : entries) {
    std::vector<dpcrt::ProgramFile> files;
    std::vector<const dpcrt::fb::Program *> programs;
    for (const std::string &name : entry.programs) {
      dpcrt::Result<dpcrt::ProgramFile> file = dpcrt::readProgramFile(artifact + "/" + name);
      if (!file.ok())
        return file.status();
      files.push_back(std::move(*file));
    }
    for (const dpcrt::ProgramFile &file : files)
      programs.push_back(&file.program());
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      differ(diagnostic.str());
      return success();
    });
    proof::ValueReport report;
    if (succeeded(proof::proveValues(*module, programs, constants, &report)))
      out << entry.name << ": " << report.values << " losses, gradients, moments and weights of "
          << programs.size() << (programs.size() == 1 ? " rank" : " ranks")
          << " are proved to be what the step's definition says\n";
  }
  return {};
}

} // namespace dpc::verify
