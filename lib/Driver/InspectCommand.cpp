// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc inspect`: the programs of an artifact, readable.
#include "dpc/Driver/Compile.h"

#include "program/format/Print.h"
#include "session/Artifact.h"

#include "cli/CommandLine.h"

#include <ostream>

namespace dpc::driver {

int inspectCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  std::string path, block, entry = "train_step";
  int rank = -1;
  bool summary = false;
  CLI::App app("Show the programs of an artifact", "dpc inspect");
  app.add_option("MODEL", path, "an artifact")->required();
  app.add_option("--entry", entry, "the programs of this entry point")->capture_default_str();
  app.add_option("--rank", rank, "only this rank");
  app.add_option("--block", block, "only this block");
  app.add_flag("--summary", summary, "no commands");
  if (auto status = dpcrt::parseCommandLine(app, args, out, err))
    return *status;
  dpcrt::Artifact artifact;
  if (dpcrt::Status status = dpcrt::openArtifact(path, artifact); !status.ok()) {
    err << "error: " << status.message() << "\n";
    return status.exitStatus();
  }
  int ranks = artifact.manifest.mesh.pp;
  if (rank >= ranks) {
    err << "error: --rank " << rank << ": the artifact has ranks 0 to " << ranks - 1 << "\n";
    return 2;
  }
  const std::vector<dpcrt::ProgramFile> *programs = artifact.entry(entry);
  if (!programs) {
    err << "error: --entry " << entry << ": the artifact has";
    for (const auto &known : artifact.manifest.entryPoints)
      err << (&known == &artifact.manifest.entryPoints.front() ? " " : ", ") << known.name;
    err << "\n";
    return 2;
  }
  dpcrt::PrintOptions print = summary ? dpcrt::PrintOptions::summary() : dpcrt::PrintOptions();
  print.block = block;
  dpcrt::KernelTable kernels;
  if (const auto &targets = artifact.manifest.targets;
      !targets.empty() && !targets.front().table.empty()) {
    dpcrt::Result<dpcrt::KernelTable> table =
        dpcrt::KernelTable::readFile(artifact.path(targets.front().table));
    if (!table.ok()) {
      err << "error: " << table.status().message() << "\n";
      return table.status().exitStatus();
    }
    kernels = std::move(*table);
    print.kernels = &kernels;
  }
  for (int r = 0; r < (int)programs->size(); ++r)
    if (rank < 0 || r == rank)
      out << dpcrt::printProgram((*programs)[r].program(), print);
  return 0;
}

} // namespace dpc::driver
