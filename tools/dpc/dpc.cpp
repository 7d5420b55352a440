// The user's command: a table of subcommands.
#include "dpc/Driver/Compile.h"
#include "dpc/ScheduleCommands/Command.h"
#include "data/Files.h"
#include "run/Run.h"

#include <iostream>
#include <unistd.h>

namespace {

using Arguments = std::vector<std::string>;

struct Command {
  const char *name, *summary;
  int (*run)(const Arguments &args);
};

const Command commands[] = {
    {"check", "can this model be trained?", [](const Arguments &args) { return dpc::driver::checkCommand(args, std::cout, std::cerr); }},
    {"compile", "a model becomes a training program", [](const Arguments &args) { return dpc::driver::compileCommand(args, std::cout, std::cerr); }},
    {"run", "train with a compiled program",
     [](const Arguments &args) { return dpcrt::runCommand(args, std::cout, std::cerr, isatty(STDERR_FILENO)); }},
    {"verify", "compare a program with its sequential replay and float64", [](const Arguments &args) { return dpc::driver::verifyCommand(args, std::cout, std::cerr); }},
    {"explain", "what a step costs and where its time goes, and what would be faster or smaller",
     [](const Arguments &args) { return dpc::driver::explainCommand(args, std::cout, std::cerr); }},
    {"inspect", "show the programs of an artifact", [](const Arguments &args) { return dpc::driver::inspectCommand(args, std::cout, std::cerr); }},
    {"export", "trained weights, in a copy of the model's file or as a state dict", [](const Arguments &args) { return dpc::driver::exportCommand(args, std::cout, std::cerr); }},
    {"schedule", "list, show, check and simulate schedules",
     [](const Arguments &args) { return dpc::schedule::scheduleCommand(args, std::cout, std::cerr); }},
};

void usage(std::ostream &stream) {
  stream << "dpc: pipeline-parallel training from ONNX models\n\nusage: dpc COMMAND ...\n\n";
  for (const Command &command : commands)
    stream << "  " << command.name << std::string(12 - std::string(command.name).size(), ' ') << command.summary << "\n";
  stream << "\n`dpc COMMAND --help` lists a command's flags.\n";
}

} // namespace

int main(int argc, char **argv) {
  dpcrt::reportFileSizeLimitAsError();
  Arguments args(argv + 1, argv + argc);
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    usage(args.empty() ? std::cerr : std::cout);
    return args.empty() ? 2 : 0;
  }
  for (const Command &command : commands)
    if (args[0] == command.name)
      return command.run({args.begin() + 1, args.end()});
  std::cerr << "error: there is no command '" << args[0] << "'\n";
  usage(std::cerr);
  return 2;
}
