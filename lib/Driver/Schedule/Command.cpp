// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line: which flags each subcommand takes, and which one is asked for.
#include "dpc/Driver/Schedule/Command.h"

#include "Subcommands.h"

#include "cli/CommandLine.h"
#include "cli/Nearest.h"
#include "cli/Version.h"
#include <ostream>

namespace dpc::schedule {
namespace {

// What a subcommand takes beside --format.
enum Takes : unsigned {
  kSchedule = 1, // a name or a file
  kSizes = 2,    // --pp, --micro-batches, --chunks
  kCosts = 4,
  kCap = 8,
  kStageCosts = 16, // with kCosts: those of one schedule's stages and links too
  kDraw = 32,
  kSearch = 64, // --placement, --seed, --iterations, --time-limit
  kSerialised = 128,
};

struct Subcommand {
  const char *name, *summary;
  std::vector<std::string> formats;
  unsigned takes;
  int (*run)(const Flags &, std::ostream &, std::ostream &);
};

const std::vector<Subcommand> &subcommands() {
  static const std::vector<Subcommand> table = {
      {"list", "the schedules there are", {"text", "json"}, 0, listCommand},
      {"show",
       "every rank's actions, in order",
       {"text", "csv", "json"},
       kSchedule | kSizes,
       showCommand},
      {"check",
       "can this schedule be carried out?",
       {"text", "json"},
       kSchedule | kSizes | kCap,
       checkCommand},
      {"simulate",
       "how long it takes, who waits, what is kept",
       {"text", "json"},
       kSchedule | kSizes | kCosts | kStageCosts | kSerialised,
       simulateCommand},
      {"compare",
       "all schedules side by side, by formula and simulated",
       {"text", "json", "csv"},
       kSizes | kCosts,
       compareCommand},
      {"draw",
       "pictures of schedules, or of a measured step beside its forecast",
       {"text", "svg", "html", "csv"},
       kSizes | kCosts | kStageCosts | kDraw,
       drawCommand},
      {"search",
       "the shortest schedule that can be found for given costs, sizes and memory",
       {"text", "csv", "json"},
       kSizes | kCosts | kStageCosts | kCap | kSearch,
       searchCommand},
  };
  return table;
}

std::string inWords(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

void addDrawFlags(CLI::App *command, DrawFlags &draw) {
  command->add_option(
      "SCHEDULE", draw.schedules,
      "names as `list` prints them, such as interleaved,v=2, or files; all on one time axis");
  command->add_option("--trace", draw.trace,
                      "instead: what `dpc run --trace` wrote, measured beside forecast, and beside "
                      "the forecast as long as the step where ranks shared cores");
  command->add_option("--step", draw.step, "the step of a trace (the last one traced)");
  command->add_option("-o", draw.output, "write here, not to stdout");
  command->add_flag("--force", draw.force, "replace an existing -o");
  command->add_option("--from", draw.from, "begin of the time that is shown; of a trace in ms")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--to", draw.to, "end of it")->check(CLI::PositiveNumber);
  command->add_option("--width", draw.width, "columns of text (the terminal's, COLUMNS, or 120)")
      ->check(CLI::Range(40u, 10000u));
  command
      ->add_option("--color", draw.colour,
                   "of text: always, never, or auto: on a terminal unless NO_COLOR is set")
      ->check(CLI::IsMember({"always", "never", "auto"}));
}

void addFlags(CLI::App *command, const Subcommand &sub, Flags &flags) {
  command->add_option("--format", flags.format, inWords(sub.formats))
      ->check(CLI::IsMember(sub.formats));
  if (sub.takes & kSchedule)
    command
        ->add_option("SCHEDULE", flags.source.name,
                     "a name as `list` prints it, or a file (a name with . or / in it): text, or "
                     ".csv as PyTorch's pipelining writes it")
        ->required();
  if (sub.takes & kSizes) {
    command->add_option("--pp", flags.source.ranks, "ranks of the pipeline (1, or the file's)")
        ->check(CLI::Range(1u, kMaxRanks));
    command
        ->add_option("--micro-batches", flags.source.microBatches,
                     "micro-batches of a step (4 per rank, or the file's)")
        ->check(CLI::Range(1u, kMaxMicroBatches));
    command
        ->add_option("--chunks", flags.source.chunks,
                     "stages per rank, for schedules that let it be chosen")
        ->check(CLI::Range(1u, 1024u));
  }
  if (sub.takes & kCosts)
    command->add_option("--cost", flags.costs,
                        sub.takes & kStageCosts
                            ? "times of one micro-batch through a device's share: "
                              "F=1,I=1,W=1,FB=3,comm=0 (FB: F + I + W); and of stages: "
                              "message=BYTES sent on, keep=BYTES of a share from F to W, "
                              "keep-weight=BYTES of these from I to W, "
                              "stages=1:0.8:... the factor of each stage's times"
                            : "times of one micro-batch: F=1,I=1,W=1,FB=3,comm=0 (FB: F + I + W)");
  if (sub.takes & kCosts)
    command
        ->add_option(
            "--cost-from", flags.costsFrom,
            "an artifact MODEL.dpc, or a JSON file of costs as its manifest has: the times "
            "and bytes of that model's stages")
        ->excludes("--cost");
  if (sub.takes & kStageCosts)
    command->add_option("--link", flags.link,
                        "between any two ranks, messages one after the other: "
                        "latency=0,bandwidth=BYTES in a unit of time");
  if (sub.takes & kSerialised) {
    CLI::Option *serialised =
        command->add_flag("--serialised", flags.serialised,
                          "also what it costs if each rank's communications run one after another, "
                          "as in a captured graph with NCCL");
    command
        ->add_option(
            "--planned-from", flags.plannedFrom,
            "as --cost-from: with --serialised, the times that the order of communications "
            "was planned with, as in a program whose stages take others than forecast")
        ->needs(serialised);
  }
  if (sub.takes & kDraw)
    addDrawFlags(command, flags.draw);
  if (sub.takes & kCap)
    command
        ->add_option("--activation-cap", flags.cap,
                     "most activations a rank may hold, in shares of a micro-batch")
        ->check(CLI::PositiveNumber);
  if (sub.takes & kSearch) {
    command
        ->add_option("--placement", flags.placement,
                     "how stages lie on ranks: linear, loop, v, mirrored (two copies of the "
                     "parameters) or any (any)")
        ->check(CLI::IsMember({"linear", "loop", "v", "mirrored", "any"}));
    command->add_option("--seed", flags.seed, "of what is tried (0)");
    command
        ->add_option("--iterations", flags.iterations,
                     "how many schedules are tried (what takes some seconds)")
        ->check(CLI::Range(uint64_t(1), uint64_t(1) << 40));
    command
        ->add_option("--time-limit", flags.timeLimit,
                     "seconds after which the search stops with what it has")
        ->check(CLI::PositiveNumber);
  }
}

} // namespace

int fail(std::ostream &err, const std::string &message, int status) {
  err << "error: " << message << "\n";
  return status;
}

int scheduleCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  auto usage = [](std::ostream &stream) {
    stream << "Schedules: which rank does which task of which micro-batch, in which "
              "order\n\nusage: dpc schedule COMMAND ...\n\n";
    for (const Subcommand &sub : subcommands())
      stream << "  " << sub.name << std::string(12 - std::string(sub.name).size(), ' ')
             << sub.summary << "\n";
    stream << "\n`dpc schedule COMMAND --help` lists a command's flags.\n";
  };
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    usage(args.empty() ? err : out);
    return args.empty() ? 2 : 0;
  }
  if (args[0] == "--version") {
    out << "dpc schedule " << dpcrt::versionText() << "\n";
    return 0;
  }
  std::vector<std::string> known;
  for (const Subcommand &sub : subcommands()) {
    known.push_back(sub.name);
    if (args[0] != sub.name)
      continue;
    Flags flags;
    CLI::App app(sub.summary, std::string("dpc schedule ") + sub.name);
    addFlags(&app, sub, flags);
    if (auto status = dpcrt::parseCommandLine(app, {args.begin() + 1, args.end()}, out, err))
      return *status;
    return sub.run(flags, out, err);
  }
  std::string near = dpcrt::nearest(args[0], known);
  err << "error: there is no command '" << args[0] << "'"
      << (near.empty() ? "" : "; did you mean " + near + "?") << "\n";
  usage(err);
  return 2;
}

} // namespace dpc::schedule
