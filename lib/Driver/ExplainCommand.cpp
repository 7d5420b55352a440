// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc explain`: a step's costs, memory, time and critical path, and other
// schedules beside the chosen one. Nothing is written and no machine code made.
#include "Explain.h"

#include "Alternatives.h"
#include "AutoSchedule.h"
#include "ChosenSchedule.h"
#include "Diagnostics.h"
#include "Mesh.h"
#include "Summary.h"
#include "data/Files.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Schedule/generators/Source.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "session/Artifact.h"

#include <iomanip>
#include <ostream>
#include <sstream>

using namespace mlir;
using namespace dpc::lowering;

namespace dpc::driver {
namespace {

constexpr int kUsage = 2, kModel = 3;
// Lines of a critical path that are shown at either end of a longer one.
constexpr size_t kPathEnds = 12;

std::string percent(double share) {
  std::ostringstream text;
  text << std::setprecision(3) << 100 * share << " %";
  return text.str();
}
std::string fixed(double value) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << value;
  return text.str();
}
std::string listed(const std::vector<unsigned> &numbers) {
  std::string text;
  for (unsigned number : numbers)
    text += (text.empty() ? "" : " ") + std::to_string(number);
  return text;
}

// Columns as wide as their widest cell, the first one aligned left.
class Grid {
public:
  explicit Grid(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  void print(std::ostream &out) const {
    std::vector<size_t> widths;
    for (const auto &row : rows) {
      widths.resize(std::max(widths.size(), row.size()));
      for (size_t i = 0; i < row.size(); ++i)
        widths[i] = std::max(widths[i], row[i].size());
    }
    for (const auto &row : rows) {
      std::string line = "  ";
      for (size_t i = 0; i < row.size(); ++i) {
        std::string pad(widths[i] - row[i].size(), ' ');
        line += i == 0 ? row[i] + pad : "  " + pad + row[i];
      }
      out << line << "\n";
    }
  }

private:
  std::vector<std::vector<std::string>> rows;
};

class Explanation {
public:
  Explanation(const CompileOptions &options, Alternatives &alternatives, Candidate chosen,
              std::ostream &out)
      : options(options), alternatives(alternatives), chosen(std::move(chosen)),
        forecast(this->chosen.step->forecast()), out(out) {}

  void print() {
    printStages();
    printMemory();
    printEntryPoints();
    printForecast();
    printPath();
    printAlternatives();
  }

private:
  void printStages() {
    out << "stages, for one micro-batch:\n";
    std::vector<std::vector<unsigned>> ranks(forecast.stages.size());
    for (unsigned rank = 0; rank < forecast.ranks; ++rank)
      for (unsigned stage : forecast.perRank[rank].stages)
        ranks[stage].push_back(rank);
    const auto &summaries = alternatives.prepare(forecast.stages.size()).stages;
    Grid grid({"stage", "body", "parameters", "flops", "bytes", "F", "I", "W", "F+I+W", "ranks"});
    for (size_t s = 0; s < forecast.stages.size(); ++s) {
      const StageForecast &stage = forecast.stages[s];
      grid.add({stage.name, "@" + stage.body, inWords(summaries[s].parameters),
                inWords(summaries[s].flops, "flop"), inWords(summaries[s].bytes, "B"),
                timeInWords(stage.forward), timeInWords(stage.input), timeInWords(stage.weight),
                timeInWords(stage.forward + stage.input + stage.weight), listed(ranks[s])});
    }
    grid.print(out);
    if (forecast.pairs.empty())
      return;
    out << "fused pairs:\n";
    Grid pairs({"pair", "F&B", "F+B", "F&B / F+B", "not below"});
    for (const PairForecast &pair : forecast.pairs)
      pairs.add({"F" + std::to_string(pair.stage) + "&B" + std::to_string(pair.backwardStage),
                 timeInWords(pair.seconds), timeInWords(pair.parts),
                 fixed(pair.parts > 0 ? pair.seconds / pair.parts : 1),
                 timeInWords(pair.lowerBound)});
    pairs.print(out);
  }

  void printMemory() {
    out << "memory:\n";
    std::vector<std::string> head = {"rank"}, names;
    for (const RankForecast &rank : forecast.perRank)
      for (auto &[name, bytes] : rank.arenas)
        if (!llvm::is_contained(names, name))
          names.push_back(name);
    head.insert(head.end(), names.begin(), names.end());
    head.insert(head.end(), {"sum", "stashes"});
    Grid grid(head);
    for (unsigned r = 0; r < forecast.ranks; ++r) {
      const RankForecast &rank = forecast.perRank[r];
      std::vector<std::string> row = {std::to_string(r)};
      for (const std::string &name : names) {
        auto it = llvm::find_if(rank.arenas, [&](auto &arena) { return arena.first == name; });
        row.push_back(it == rank.arenas.end() ? "-" : inWords(it->second, "B"));
      }
      row.push_back(inWords(rank.bytes, "B"));
      row.push_back(std::to_string(rank.peakStashes));
      grid.add(row);
    }
    grid.print(out);
    const bool isSharded = options.shardOptimizer == "on";
    out << "most bytes of a rank: " << inWords(forecast.peakBytes(isSharded), "B") << "; "
        << inWords(forecast.peakBytes(!isSharded), "B") << " with --shard-optimizer "
        << (isSharded ? "off" : "on") << "\n";
  }

  // Steps run one at a time, so these take no memory of their own.
  void printEntryPoints() {
    std::vector<EntryForecast> others = chosen.step->forecastOthers();
    if (others.empty())
      return;
    out << "entry points beside train_step, in its memory (bytes of their arenas but the "
           "weights):\n";
    std::vector<std::string> head = {"entry point", "step", "messages"};
    for (unsigned r = 0; r < forecast.ranks; ++r)
      head.push_back("rank " + std::to_string(r));
    Grid grid(head);
    for (const EntryForecast &other : others) {
      std::vector<std::string> row = {other.name, timeInWords(other.seconds),
                                      std::to_string(other.messages)};
      for (int64_t bytes : other.bytes)
        row.push_back(inWords(bytes, "B"));
      grid.add(row);
    }
    grid.print(out);
  }

  void printForecast() {
    out << "forecast, a core for each rank: " << timeInWords(forecast.seconds)
        << " a step (tasks until " << timeInWords(forecast.tasks) << "), bubble "
        << percent(forecast.bubble) << "\n";
    Grid grid({"rank", "computes", "idle before its first task", "between tasks and at the end",
               "after its last task", "bubble"});
    for (unsigned r = 0; r < forecast.ranks; ++r) {
      const RankForecast &rank = forecast.perRank[r];
      double idle = forecast.seconds - rank.busy;
      grid.add({std::to_string(r), timeInWords(rank.busy), timeInWords(rank.fill),
                timeInWords(std::max(0.0, idle - rank.fill - rank.drain)), timeInWords(rank.drain),
                percent(idle / forecast.seconds)});
    }
    grid.print(out);
  }

  void printPath() {
    double sums[4] = {};
    for (const ForecastPart &part : forecast.path)
      sums[part.kind] += part.end - part.start;
    double waiting = forecast.seconds;
    for (double sum : sums)
      waiting -= sum;
    out << "critical path: " << timeInWords(sums[ForecastPart::Task]) << " of tasks, "
        << timeInWords(sums[ForecastPart::Message]) << " of messages, "
        << timeInWords(sums[ForecastPart::Reduction]) << " of reductions, "
        << timeInWords(sums[ForecastPart::Other]) << " of zeroing, norm and update, "
        << timeInWords(waiting < 1e-9 * forecast.seconds ? 0 : waiting) << " of waiting\n";
    std::vector<PathLine> lines = compressPath(forecast.path);
    Grid grid({"from", "takes", "where", "what"});
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines.size() > 2 * kPathEnds + 1 && i == kPathEnds) {
        size_t next = lines.size() - kPathEnds;
        grid.add({timeInWords(lines[i].start), timeInWords(lines[next].start - lines[i].start),
                  "...", describeRest(lines, i, next)});
        i = next - 1;
        continue;
      }
      const PathLine &line = lines[i];
      std::string where = "rank " + std::to_string(line.rank);
      if (line.kind == ForecastPart::Message)
        where += " to " + std::to_string(line.destination);
      if (line.kind == ForecastPart::Reduction)
        where = "reduce";
      std::string what = line.kind == ForecastPart::Message
                             ? line.first.substr(0, line.first.find(" to "))
                             : line.first;
      if (line.count > 1)
        what += (line.count > 2 ? " ... " : ", ") + line.last;
      if (line.count > 2)
        what += " (" + std::to_string(line.count) + ")";
      grid.add({timeInWords(line.start), timeInWords(line.end - line.start), where, what});
    }
    grid.print(out);
  }
  static std::string describeRest(const std::vector<PathLine> &lines, size_t from, size_t to) {
    unsigned messages = 0, tasks = 0;
    std::vector<unsigned> ranks;
    for (size_t i = from; i < to; ++i) {
      messages += lines[i].kind == ForecastPart::Message ? 1 : 0;
      tasks += lines[i].kind == ForecastPart::Task ? lines[i].count : 0;
      if (!llvm::is_contained(ranks, lines[i].rank))
        ranks.push_back(lines[i].rank);
    }
    llvm::sort(ranks);
    return std::to_string(tasks) + " tasks and " + std::to_string(messages) +
           " messages of ranks " + listed(ranks);
  }

  static std::vector<std::string> row(const Candidate &candidate, bool isChosen) {
    std::string name = (isChosen ? "* " : "  ") + candidate.schedule;
    if (!candidate.step)
      return {name, "-", "-", "-", "-", "-"};
    return {name,
            timeInWords(candidate.seconds),
            percent(candidate.bubble),
            inWords(candidate.bytesIf[false], "B"),
            inWords(candidate.bytesIf[true], "B"),
            std::to_string(candidate.copies)};
  }
  static Grid gridOfCandidates() {
    return Grid({"  schedule", "step", "bubble", "most bytes of a rank", "with a sharded optimizer",
                 "copies of a stage"});
  }
  void printRefusals(const std::vector<Candidate> &candidates) {
    for (const Candidate &candidate : candidates)
      if (!candidate.step)
        out << "  " << candidate.schedule << ": not legal here: " << candidate.notLegal << "\n";
  }

  void printAlternatives() {
    std::vector<Candidate> others = alternatives.planOthers(options);
    out << "schedules at --pp " << options.ranks << " --micro-batches " << options.microBatches;
    if (options.dp.value_or(1) > 1)
      out << " --dp " << *options.dp;
    out << ":\n";
    Grid grid = gridOfCandidates();
    grid.add(row(chosen, true));
    for (const Candidate &other : others)
      grid.add(row(other, false));
    grid.print(out);
    printRefusals(others);
    std::vector<Candidate> halves;
    const Candidate *dualpipe = findMirrored(others);
    if (dualpipe) {
      halves = alternatives.planHalves(options.ranks, options.microBatches);
      printHalves(halves);
    }
    std::string advice = advise(chosen, withoutPlans(others));
    out << "advice: " << (advice.empty() ? "no other schedule is faster or smaller here" : advice)
        << (dualpipe ? ";\n  " + judge(*dualpipe, others, halves) : "") << "\n";
  }
  void printHalves(const std::vector<Candidate> &halves) {
    if (halves.empty())
      return;
    const unsigned dp = 2 * options.dp.value_or(1);
    out << "half the stages in " << (dp == 2 ? "two" : "twice as many")
        << " replicas (data parallelism " << dp
        << ": the same devices, as many parameters on each as where a stage is held twice), --pp "
        << options.ranks / 2 << " --micro-batches " << options.microBatches / 2 << " --dp " << dp
        << ":\n";
    Grid grid = gridOfCandidates();
    for (const Candidate &half : halves) {
      std::vector<std::string> cells = row(half, false);
      if (half.step)
        cells.back() = std::to_string(half.replicas);
      grid.add(cells);
    }
    grid.print(out);
    printRefusals(halves);
  }

  // The schedule that holds every stage twice: the chosen one, or dualpipe, or the
  // first other.
  const Candidate *findMirrored(const std::vector<Candidate> &others) const {
    if (chosen.copies == 2)
      return &chosen;
    const Candidate *first = nullptr;
    for (const Candidate &other : others)
      if (other.step && other.copies == 2 && (!first || other.schedule == "dualpipe"))
        first = &other;
    return first;
  }
  static const Candidate *fastest(const std::vector<const Candidate *> &candidates) {
    const Candidate *best = nullptr;
    for (const Candidate *candidate : candidates)
      if (candidate->step && candidate->copies == 1 &&
          (!best || candidate->seconds < best->seconds))
        best = candidate;
    return best;
  }

  // Whether a second copy of the parameters pays: on the same devices with one copy,
  // and against as many copies used for data parallelism.
  std::string judge(const Candidate &mirrored, const std::vector<Candidate> &others,
                    const std::vector<Candidate> &halves) {
    std::vector<const Candidate *> same = {&chosen}, half;
    for (const Candidate &other : others)
      same.push_back(&other);
    for (const Candidate &other : halves)
      half.push_back(&other);
    std::string text;
    auto compare = [&](const Candidate *other, const char *where) {
      if (!other)
        return;
      bool pays = mirrored.seconds < other->seconds * (1 - kTimeMargin);
      text += text.empty()
                  ? "the second copy of the parameters that " + mirrored.schedule + " holds"
                  : ",\n  and";
      text += std::string(pays ? " pays" : " does not pay") + " beside " + where + ": " +
              timeInWords(mirrored.seconds) + " and " + inWords(mirrored.bytes, "B") + " a rank, " +
              other->schedule + " " + timeInWords(other->seconds) + " and " +
              inWords(other->bytes, "B") + breakEven(mirrored, *other);
    };
    compare(fastest(same), "one copy on these ranks");
    compare(fastest(half), "half the stages in two replicas");
    return text;
  }

  // F&B as a share of F+B below which the mirrored schedule is the faster one.
  std::string breakEven(const Candidate &mirrored, const Candidate &other) const {
    double seconds = 0, parts = 0;
    StepForecast own = mirrored.step->forecast();
    for (const PairForecast &pair : own.pairs) {
      seconds += pair.seconds;
      parts += pair.parts;
    }
    if (parts <= 0)
      return "";
    auto difference = [&](double share) {
      return mirrored.step->getSecondsWithPairs(share) - other.step->getSecondsWithPairs(share);
    };
    // Below a half even a forward hidden whole behind its backward would not get.
    constexpr double kLeast = 0.5;
    std::string now = "its F&B takes " + fixed(seconds / parts) + " of F+B";
    std::optional<double> share = findBreakEven(difference, kLeast, 1);
    if (!share)
      return " (" + now + "; no overlap would make " + mirrored.schedule + " the faster one)";
    if (*share >= 1)
      return " (" + now + "; " + mirrored.schedule + " is no slower even where pairs hide nothing)";
    return " (" + now + "; they break even where it takes " + fixed(*share) + ", an F&B of " +
           timeInWords(*share * parts / own.pairs.size()) + " in place of " +
           timeInWords(seconds / own.pairs.size()) + ")";
  }

  const CompileOptions &options;
  Alternatives &alternatives;
  Candidate chosen;
  StepForecast forecast;
  std::ostream &out;
};

int fail(std::ostream &err, int status, const std::string &message) {
  err << "error: " << message << "\n";
  return status;
}

// Of the axes beside pp: " for each of 2 replicas (4 ranks in all)".
std::string meshInWords(const CompileOptions &options) {
  std::string words;
  if (options.dp.value_or(1) > 1)
    words += " for each of " + std::to_string(*options.dp) + " replicas";
  if (options.ep.value_or(1) > 1)
    words += " on " + std::to_string(*options.ep) + " expert ranks at each place";
  if (unsigned replicas = replicasOf(options); replicas > 1)
    words += " (" + std::to_string(replicas * options.ranks) + " ranks in all)";
  return words;
}

int explain(CompileOptions options, std::string source, const std::vector<uint64_t> &built,
            MLIRContext *context, std::ostream &out, std::ostream &err) {
  bool isAuto = options.schedule == kAuto;
  if (!isAuto)
    if (std::string wrong = readSchedule(options); !wrong.empty())
      return fail(err, kModel, wrong);
  auto machine = getMachine(options.machine);
  if (!machine)
    return fail(err, kModel, llvm::toString(machine.takeError()));
  std::string machineName = machine->name;
  // Cuts that are given with auto are for whatever is chosen.
  unsigned cutStages = !isAuto ? countStages(options) : options.cuts.empty() ? options.ranks : 0;
  Alternatives alternatives(std::move(source), options, cutStages, std::move(*machine), context);
  AutoChoice choice;
  if (isAuto) {
    choice = chooseSchedule(alternatives, options);
    if (!choice.best)
      return fail(err, kModel, choice.error);
    adoptChoice(options, choice);
  }
  Candidate chosen = alternatives.planChosen(options);
  if (!chosen.step)
    return fail(err, kModel, chosen.notLegal);
  out << options.input << ": schedule " << options.schedule << ", " << options.ranks
      << (options.ranks == 1 ? " rank, " : " ranks, ") << options.microBatches
      << (options.microBatches == 1 ? " micro-batch" : " micro-batches") << meshInWords(options)
      << ", " << options.optimizer << "; machine: " << machineName << "\n";
  if (options.precision != CompileOptions().precision)
    out << "precision: " << options.precision << "\n";
  if (options.recompute != CompileOptions().recompute)
    out << "recomputation: " << options.recompute << "\n";
  for (const std::string &line : choice.lines)
    out << line << "\n";
  StepForecast forecast = chosen.step->forecast();
  if (options.memoryLimit && uint64_t(forecast.peakBytes()) > options.memoryLimit)
    out << "note: a rank needs " << inWords(forecast.peakBytes(), "B") << ", more than the "
        << inWords(options.memoryLimit, "B") << " of --memory-limit\n";
  for (size_t r = 0; r < built.size() && r < forecast.perRank.size(); ++r)
    if (built[r] != (uint64_t)forecast.perRank[r].bytes)
      out << "note: the artifact's program of rank " << r << " has arenas of "
          << inWords(built[r], "B") << ", not of " << inWords(forecast.perRank[r].bytes, "B")
          << " as planned here; it was compiled from other IR or by another version\n";
  Explanation(options, alternatives, std::move(chosen), out).print();
  return 0;
}

// The model that an artifact carries says how many replicas it was compiled for; a flag may
// ask for others. Its expert ranks are part of what it computes.
int replaceDataParallelism(CompileOptions &options, std::string &source, MLIRContext *context,
                           std::ostream &err) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, context);
  if (!module)
    return kModel;
  if (auto mesh = (*module)->getAttrOfType<DictionaryAttr>("nn.mesh")) {
    NamedAttrList axes(mesh);
    axes.erase("dp");
    (*module)->setAttr("nn.mesh", axes.getDictionary(context));
  }
  if (std::string wrong = settleMesh(*module, options); !wrong.empty())
    return fail(err, kUsage, wrong);
  source.clear();
  llvm::raw_string_ostream stream(source);
  return failed(writeBytecodeToFile(*module, stream))
             ? fail(err, 70, "the nn module cannot be written")
             : 0;
}

} // namespace

int explainModel(CompileOptions options, std::ostream &out, std::ostream &err) {
  resolveShape(options);
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  Diagnostics diagnostics(&context, err);
  import::ImportSummary summary;
  auto module = import::importModel(options.input, options.import, &context, summary);
  if (failed(module))
    return int(summary.error);
  if (int status = checkImported(summary, options.import, err))
    return status;
  if (std::string wrong = settleMesh(**module, options); !wrong.empty())
    return fail(err, kUsage, wrong);
  PassManager pm(&context);
  buildPhase("import", pm, options);
  if (failed(pm.run(**module)) || diagnostics.errors())
    return kModel;
  std::string source;
  llvm::raw_string_ostream stream(source);
  if (failed(writeBytecodeToFile(**module, stream)))
    return fail(err, 70, "the nn module cannot be written");
  return explain(options, std::move(source), {}, &context, out, err);
}

int explainArtifact(CompileOptions options, const std::set<std::string> &given, std::ostream &out,
                    std::ostream &err) {
  dpcrt::Artifact artifact;
  if (dpcrt::Status status = dpcrt::openArtifact(options.input, artifact); !status.ok())
    return fail(err, status.exitStatus(), status.message());
  const auto &config = artifact.manifest.config;
  auto read = [&](const char *flag, auto &value) {
    const char *key = flag + 2; // behind the dashes
    using Value = std::decay_t<decltype(value)>;
    bool fits = config.is_object() && config.contains(key) &&
                (std::is_same_v<Value, std::string> ? config[key].is_string()
                                                    : config[key].is_number_unsigned());
    if (!given.count(flag) && fits)
      value = config[key].template get<Value>();
  };
  // Cuts are for a number of stages, which these decide.
  bool isReshaped = given.count("--pp") || given.count("--schedule");
  read("--pp", options.ranks);
  read("--micro-batches", options.microBatches);
  if (!given.count("--dp"))
    options.dp = artifact.manifest.mesh.dp;
  read("--schedule", options.schedule);
  // What no name stands for, a file's or one made for the model, is in the artifact.
  if (!given.count("--schedule") &&
      !schedule::findNamed({options.schedule, options.ranks, options.microBatches, 0}).ok())
    options.scheduleText = artifact.manifest.schedule;
  if (!isReshaped)
    read("--cuts", options.cuts);
  read("--optimizer", options.optimizer);
  read("--shard-optimizer", options.shardOptimizer);
  read("--precision", options.precision); // for the heading: the module is what it made
  read("--machine", options.machine);
  read("--recompute", options.recompute);
  read("--memory-limit", options.memoryLimit);
  resolveShape(options);
  std::string source;
  if (dpcrt::Status status =
          dpcrt::readWholeFile(artifact.path("module.mlirbc"), dpcrt::Code::Artifact, source);
      !status.ok())
    return fail(err, status.exitStatus(), status.message());
  std::vector<uint64_t> built;
  if (const auto *programs = artifact.entry("train_step"); programs && given.empty())
    for (const dpcrt::ProgramFile &file : *programs) {
      built.push_back(0);
      if (const auto *arenas = file.program().arenas())
        for (const auto *arena : *arenas)
          built.back() += arena->bytes();
    }
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry);
  Diagnostics diagnostics(&context, err);
  if (int status = replaceDataParallelism(options, source, &context, err))
    return status;
  return explain(options, std::move(source), built, &context, out, err);
}

} // namespace dpc::driver
