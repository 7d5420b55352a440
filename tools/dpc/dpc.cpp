// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The user's command: a table of subcommands.
#include "Ptxas.h"
#include "cli/EscapingStream.h"
#include "cli/Nearest.h"
#include "cli/Version.h"
#include "data/Files.h"
#include "dpc-doctor/Doctor.h"
#include "dpc-run/Run.h"
#include "dpc/Driver/Compile.h"
#include "dpc/Driver/Schedule/Command.h"

#include <iostream>
#include <unistd.h>

namespace {

using Arguments = std::vector<std::string>;

struct Command {
  const char *name, *summary;
  int (*run)(const Arguments &args, std::ostream &out, std::ostream &err);
};

const Command commands[] = {
    {"check", "can this model be trained?",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::checkCommand(args, out, err);
     }},
    {"compile", "a model becomes a training program",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::compileCommand(args, out, err);
     }},
    {"run", "train with a compiled program",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpcrt::runCommand(args, out, err, isatty(STDERR_FILENO));
     }},
    {"eval", "the mean loss over data, without training",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpcrt::evalCommand(args, out, err);
     }},
    {"verify", "compare a program with its sequential replay and float64",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::verifyCommand(args, out, err);
     }},
    {"explain", "what a step costs and where its time goes, and what would be faster or smaller",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::explainCommand(args, out, err);
     }},
    {"inspect", "show the programs of an artifact",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::inspectCommand(args, out, err);
     }},
    {"export", "trained weights, in a copy of the model's file or as a state dict",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::exportCommand(args, out, err);
     }},
    {"onnx-test", "run ONNX backend tests",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpc::driver::onnxTestCommand(args, out, err);
     }},
    {"doctor", "what this machine has for a run, and what would stop one",
     [](const Arguments &args, std::ostream &out, std::ostream &err) {
       return dpcrt::doctorCommand(args, out, err, dpc::examinePtxas);
     }},
    // Its tables and pictures have colours and line ends of their own.
    {"schedule", "list, show, check and simulate schedules",
     [](const Arguments &args, std::ostream &, std::ostream &err) {
       return dpc::schedule::scheduleCommand(args, std::cout, err);
     }},
};

void usage(std::ostream &stream) {
  stream << "dpc: pipeline-parallel training from ONNX models\n\nusage: dpc COMMAND ...\n\n";
  for (const Command &command : commands)
    stream << "  " << command.name << std::string(12 - std::string(command.name).size(), ' ')
           << command.summary << "\n";
  stream << "\n`dpc COMMAND --help` lists a command's flags.\n";
}

} // namespace

int main(int argc, char **argv) {
  dpcrt::reportFileSizeLimitAsError();
  // Names from files reach the terminal through these alone.
  dpcrt::EscapingStream out(std::cout), err(std::cerr);
  err << std::unitbuf;
  Arguments args(argv + 1, argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    usage(args.empty() ? err : out);
    return args.empty() ? 2 : 0;
  }
  if (args[0] == "--version") {
    out << "dpc " << dpcrt::versionText() << "\n";
    return 0;
  }
  std::vector<std::string> known;
  for (const Command &command : commands) {
    if (args[0] == command.name)
      return command.run({args.begin() + 1, args.end()}, out, err);
    known.push_back(command.name);
  }
  std::string near = dpcrt::nearest(args[0], known);
  err << "error: there is no command '" << args[0] << "'"
      << (near.empty() ? "" : "; did you mean " + near + "?") << "\n";
  usage(err);
  return 2;
}
