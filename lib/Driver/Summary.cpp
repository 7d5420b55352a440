// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Summary.h.
#include "Summary.h"

#include "Mesh.h"

#include "data/Files.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "dpc/Lowering/Emit/PlannedTimes.h"
#include "dpc/Lowering/Forecast/Comparison.h"
#include "dpc/Lowering/Passes.h"
#include "dpc/Machine/Machine.h"
#include "dpc/Partition/Partition.h"
#include "dpc/Schedule/core/Text.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace mlir;
using dpc::lowering::inWords;
using dpc::lowering::timeInWords;

namespace dpc::driver {
namespace {

std::optional<double> forecast(ModuleOp module, StringRef name) {
  if (auto attr = module->getAttrOfType<FloatAttr>(name))
    return attr.getValueAsDouble();
  return std::nullopt;
}

std::optional<schedule::Table> tableOf(ModuleOp module) {
  for (dualpipe::ScheduleOp op : module.getOps<dualpipe::ScheduleOp>())
    if (auto table = schedule::parseText(op.getText().str()); table.ok())
      return *table;
  return std::nullopt;
}

// What overlapping a forward and a backward gains, for each pair that communicates.
std::vector<std::string> describePairs(ModuleOp module) {
  std::vector<std::string> lines;
  llvm::StringSet<> known;
  module.walk([&](prog::BlockOp block) {
    auto planned = block->getAttrOfType<DictionaryAttr>(lowering::kPlannedAttr);
    auto seconds = [&](StringRef name) {
      return cast<FloatAttr>(planned.get(name)).getValueAsDouble();
    };
    if (!planned || !planned.get("concatenated") || !planned.get("communication") ||
        !known.insert(block.getSymName()).second)
      return;
    std::ostringstream line;
    line << "overlapped: " << block.getSymName().str() << " in " << timeInWords(seconds("seconds"))
         << " (cores " << timeInWords(seconds("compute")) << ", links "
         << timeInWords(seconds("communication")) << "; one after the other "
         << timeInWords(seconds("concatenated")) << ")";
    lines.push_back(line.str());
  });
  return lines;
}

std::string shapeInWords(const std::vector<int64_t> &shape) {
  std::ostringstream text;
  text << "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text << (i ? ", " : "") << shape[i];
  text << "]";
  return text.str();
}

// As a shell takes it for one word.
std::string quoted(const std::string &name) {
  auto isPlain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || StringRef("_-./:@%+=,").contains(c);
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), isPlain))
    return name;
  std::string text = "'";
  for (char c : name)
    text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

// A rank that only passes on what it gets costs a device for nothing.
std::string stagesWithoutWork(const std::vector<partition::StageSummary> &stages) {
  double all = 0;
  for (const partition::StageSummary &stage : stages)
    all += stage.seconds;
  std::string names;
  size_t count = 0;
  for (const partition::StageSummary &stage : stages)
    if (stage.parameters == 0 && stage.seconds * stages.size() < 0.05 * all)
      names += (count++ ? ", " : "") + stage.name;
  if (!count)
    return "";
  return (count == 1 ? "stage " : "stages ") + names + (count == 1 ? " has" : " have") +
         " no parameters and hardly any work: the model has no more places to cut at that would "
         "share its work; with " +
         std::to_string(stages.size() - count) + " stages no rank would be idle";
}

} // namespace

std::string describeParameter(const import::ParameterInfo &parameter) {
  bool hasTwo = !parameter.framework.empty();
  std::string text =
      hasTwo ? parameter.framework + " (stored as " + parameter.storage + ")" : parameter.name;
  text += " " + shapeInWords(parameter.shape) + (parameter.trained ? " trained" : " frozen");
  return parameter.reason.empty() ? text : text + " (" + parameter.reason + ")";
}

void printTies(const import::ImportSummary &model, std::ostream &out) {
  for (const import::TieInfo &tie : model.ties)
    for (const auto &copy : tie.copies)
      out << "tied: " << copy.name << " is " << tie.name << (copy.transposed ? ", transposed" : "")
          << "\n";
}

void printCandidates(const import::ImportSummary &model, std::ostream &out) {
  for (const import::CandidateInfo &candidate : model.candidates)
    out << "constant: " << candidate.name << " " << shapeInWords(candidate.shape)
        << " is not trained: " << candidate.reason
        << "; if it is a parameter, --train auto --train " << quoted(candidate.name) << "\n";
}

int checkImported(const import::ImportSummary &model, const import::ImportOptions &options,
                  std::ostream &err) {
  if (!model.nothingTrained.empty()) {
    err << "error: " << model.nothingTrained << "\n";
    return 3;
  }
  if (!options.strict || (model.candidates.empty() && model.warnings.empty()))
    return 0;
  for (const std::string &warning : model.warnings)
    err << "error: --strict: " << warning << "\n";
  if (model.candidates.empty())
    return 3;
  size_t count = model.candidates.size();
  err << "error: --strict: " << count << (count == 1 ? " constant" : " constants") << " could be "
      << (count == 1 ? "a parameter" : "parameters")
      << "; --train auto --train NAME or --freeze NAME decides for each\n";
  printCandidates(model, err);
  return 3;
}

Machine machineOf(const CompileOptions &options) {
  if (auto machine = getMachine(options.machine))
    return *machine;
  else
    llvm::consumeError(machine.takeError());
  return getDefaultMachine();
}

static std::string describeWeighting(const std::string &weighting) {
  if (weighting == "mean")
    return "micro-batches are averaged";
  return weighting == "sum" ? "micro-batches add up" : "micro-batches weighted by " + weighting;
}

void printLoss(const import::ImportSummary &model, std::ostream &out) {
  out << "loss: " << model.loss << ", " << describeWeighting(model.weighting) << "\n";
  if (!model.further.empty())
    out << "evaluated with it: " << llvm::join(model.further, ", ") << "\n";
}

std::string configJson(const CompileOptions &options) {
  nlohmann::ordered_json config;
  config["pp"] = options.ranks;
  config["micro-batches"] = options.microBatches;
  if (options.dp.value_or(1) > 1)
    config["dp"] = *options.dp;
  if (options.ep.value_or(1) > 1)
    config["ep"] = *options.ep;
  config["schedule"] = options.schedule;
  if (!options.cuts.empty())
    config["cuts"] = options.cuts;
  config["optimizer"] = options.optimizer;
  if (options.shardOptimizer != CompileOptions().shardOptimizer)
    config["shard-optimizer"] = options.shardOptimizer;
  if (options.precision != CompileOptions().precision)
    config["precision"] = options.precision;
  if (options.targets.size() == 1)
    config["target"] = options.targets.front();
  else
    config["target"] = options.targets;
  for (const import::Selection &selection : options.import.selections)
    config["train"].push_back((selection.train ? "" : "!") + selection.glob);
  if (!options.machine.empty())
    config["machine"] = options.machine;
  if (options.recompute != CompileOptions().recompute)
    config["recompute"] = options.recompute;
  if (options.memoryLimit)
    config["memory-limit"] = options.memoryLimit;
  return config.dump();
}

void printSummary(std::ostream &out, ModuleOp module, const CompileOptions &options,
                  const import::ImportSummary &model,
                  const std::vector<partition::StageSummary> &stages,
                  const artifact::ArtifactSummary &written, const std::vector<std::string> &notes,
                  const std::string &advice, const std::map<std::string, double> &seconds) {
  int64_t trained = 0, elements = 0;
  for (nn::ParameterOp op : module.getOps<nn::ParameterOp>()) {
    int64_t count = nn::getKeptType(op).getNumElements();
    elements += count;
    trained += op.getTrained() ? count : 0;
  }
  for (const std::string &warning : model.warnings)
    out << "warning: " << warning << "\n";
  for (const std::string &note : model.notes)
    out << "note: " << note << "\n";
  for (const std::string &note : notes)
    out << "note: " << note << "\n";
  printTies(model, out);
  out << "parameters: " << inWords(trained) << " trained of " << inWords(elements) << "\n";
  if (!model.loss.empty())
    printLoss(model, out);
  printCandidates(model, out);

  std::optional<schedule::Table> table = tableOf(module);
  if (table) {
    out << table->stages << (table->stages == 1 ? " stage" : " stages");
    if (table->replicas.size() == 2)
      out << ", each on two ranks (mirrored)";
    else if (table->stages > table->ranks)
      out << ", " << table->stages / table->ranks << " on each of " << table->ranks << " ranks";
    out << "; schedule " << table->name << ", " << table->microBatches << " micro-batches";
    if (options.dp.value_or(1) > 1)
      out << " for each of " << *options.dp << " replicas";
    if (options.ep.value_or(1) > 1)
      out << "; " << *options.ep << " expert ranks at each place of the pipeline";
    if (unsigned replicas = replicasOf(options); replicas > 1)
      out << ", " << replicas * table->ranks << " ranks in all";
    out << "\n";
  }
  for (size_t s = 0; s < stages.size(); ++s) {
    out << "  " << std::left << std::setw(5) << stages[s].name << std::setw(22)
        << ("@" + stages[s].body) << std::right << std::setw(10) << inWords(stages[s].parameters)
        << " parameters" << std::setw(14) << inWords(stages[s].flops, "flop") << std::setw(12)
        << timeInWords(stages[s].seconds) << "  rank"
        << (table && table->replicas.size() > 1 ? "s" : "");
    if (table)
      for (const schedule::Replica &replica : table->replicas)
        out << " " << replica.rankOfStage[s];
    out << "\n";
  }
  if (std::string idle = stagesWithoutWork(stages); !idle.empty())
    out << "note: " << idle << "\n";
  for (const std::string &line : describePairs(module))
    out << line << "\n";
  out << written.messages << " messages checked (" << inWords(written.messageBytes, "B") << "), "
      << written.collectives << " collectives; no deadlock, no race"
      << (written.areValuesProven ? ", every value the model's" : "") << "\n";
  if (auto step = forecast(module, lowering::kForecastSecondsAttr)) {
    out << "forecast: " << timeInWords(*step) << " a step";
    if (auto bubble = forecast(module, lowering::kForecastBubbleAttr))
      out << ", bubble " << std::setprecision(3) << *bubble * 100 << " %";
    out << "; bytes per rank:";
    for (uint64_t bytes : written.arenaBytes)
      out << " " << inWords(bytes, "B");
    out << "\n";
  }
  if (!advice.empty())
    out << "advice: " << advice << "\n";
  if (!written.kernelNote.empty())
    out << "note: " << written.kernelNote << "\n";
  double total = 0;
  for (auto &[phase, time] : seconds)
    total += time;
  out << written.kernels << " kernels; compiled in " << timeInWords(total) << ": " << options.output
      << "\n";
}

std::string writeReport(const std::string &path, ModuleOp module, const CompileOptions &options,
                        const std::vector<partition::StageSummary> &stages,
                        const artifact::ArtifactSummary &written,
                        const std::map<std::string, double> &seconds) {
  nlohmann::ordered_json report;
  report["config"] = nlohmann::ordered_json::parse(configJson(options));
  report["stages"] = nlohmann::ordered_json::array();
  for (const partition::StageSummary &stage : stages)
    report["stages"].push_back({{"name", stage.name},
                                {"body", stage.body},
                                {"parameters", stage.parameters},
                                {"flops", stage.flops},
                                {"bytes", stage.bytes},
                                {"seconds", stage.seconds}});
  nlohmann::ordered_json expected = nlohmann::ordered_json::object();
  if (auto step = forecast(module, lowering::kForecastSecondsAttr))
    expected["step_s"] = *step;
  if (auto bubble = forecast(module, lowering::kForecastBubbleAttr))
    expected["bubble"] = *bubble;
  expected["arena_bytes"] = written.arenaBytes;
  report["forecast"] = expected;
  report["messages"] = written.messages;
  report["kernels"] = written.kernels;
  report["seconds"] = seconds;
  dpcrt::Status status = dpcrt::writeFileAtomically(path, report.dump(1) + "\n");
  return status.ok() ? "" : status.message();
}

} // namespace dpc::driver
