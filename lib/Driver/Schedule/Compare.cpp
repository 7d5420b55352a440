// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `compare`: all schedules side by side, as text, JSON or a table for a spreadsheet.
#include "Subcommands.h"

#include "dpc/Schedule/compare/Compare.h"
#include "dpc/Schedule/core/Units.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

namespace dpc::schedule {
namespace {

using Json = nlohmann::ordered_json;

std::string number(double value, int digits = 6) {
  std::ostringstream text;
  text << std::setprecision(digits) << value;
  return text.str();
}

std::string range(double least, double most) {
  return most - least > 1e-9 * most ? number(least, 5) + ".." + number(most, 5) : number(most, 5);
}

std::string percent(double part) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << 100 * part << " %";
  return text.str();
}

std::string counted(size_t count, const char *what, const char *many = "s") {
  return std::to_string(count) + " " + what + (count == 1 ? "" : many);
}

std::string titleOf(const Row &row) {
  const Generator &generator = *row.variant.generator;
  return row.variant.title + (generator.alias && row.variant.options.empty()
                                  ? std::string(" (") + generator.alias + ")"
                                  : "");
}

// Broken between words, so that no line is longer than a page of text.
std::string wrap(const std::string &text) {
  constexpr size_t kWidth = 118;
  std::string wrapped, line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > kWidth) {
      wrapped += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return wrapped + line + "\n";
}

// Columns as wide as their widest cell, the first and formulas to the left.
class Grid {
public:
  explicit Grid(std::vector<bool> isLeft) : isLeft(std::move(isLeft)) {}
  // A row without cells after the first is a line of its own.
  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
  void print(std::ostream &out) const {
    std::vector<size_t> widths(isLeft.size());
    for (const auto &row : rows)
      for (size_t i = 0; i < row.size() && row.size() > 1; ++i)
        widths[i] = std::max(widths[i], row[i].size());
    for (const auto &row : rows) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        std::string space(row.size() > 1 ? widths[i] - row[i].size() : 0, ' ');
        line += (i ? "  " : "") + (isLeft[i] ? row[i] + space : space + row[i]);
      }
      out << line.substr(0, line.find_last_not_of(' ') + 1) << "\n";
    }
  }

private:
  std::vector<bool> isLeft;
  std::vector<std::vector<std::string>> rows;
};

std::string sizeOf(const Row &row, const Comparison &comparison) {
  std::string micro = std::to_string(row.microBatches);
  return row.ranks == comparison.ranks ? micro
                                       : "P = " + std::to_string(row.ranks) + ", M = " + micro;
}

// Bytes are known of a model only.
bool hasBytes(const Comparison &comparison) {
  for (const Row &row : comparison.rows)
    if (row.figures && row.figures->peakBytes > 0)
      return true;
  return false;
}

std::string inShort(const Figures &figures) {
  return "T " + number(figures.makespan) + ", idle " + range(figures.leastIdle, figures.mostIdle) +
         ", peak " + number(figures.peak);
}

void printTable(const Comparison &comparison, std::ostream &out) {
  bool bytes = hasBytes(comparison);
  Grid grid({true, true, false, true, true, false, false, false, false, false, false, false, false,
             false});
  grid.add({"", "by formula", "", "", "", "", "simulated", "", "", "", "", "", ""});
  grid.add({"schedule", "bubble", "value", "parameters", "activations", "value", "T", "idle",
            "in span", "bubble", "peak", "bound", "gap", bytes ? "peak in bytes" : ""});
  for (const Row &row : comparison.rows) {
    std::string title = titleOf(row);
    if (!row.legality.isLegal) {
      std::string line = title + ": " + row.legality.fault;
      if (row.legality.nearest)
        line += "; nearest " + sizeOf(row, comparison) + ": " +
                (row.figures ? inShort(*row.figures) : "");
      grid.add({line});
      if (!row.legality.nearest)
        continue;
      title = "  at " + sizeOf(row, comparison);
    }
    const Generator &generator = *row.variant.generator;
    std::vector<std::string> cells = {title,
                                      generator.bubble.text ? generator.bubble.text : "-",
                                      row.bubble ? number(*row.bubble) : "-",
                                      std::to_string(generator.replicas()) + "x",
                                      generator.activations.text ? generator.activations.text : "-",
                                      row.activations ? number(*row.activations) : "-"};
    if (const auto &figures = row.figures) {
      for (std::string cell :
           {number(figures->makespan), range(figures->leastIdle, figures->mostIdle),
            number(figures->spanIdle, 5), percent(figures->bubble), number(figures->peak),
            number(figures->lowerBound), percent(figures->gap())})
        cells.push_back(cell);
      if (bytes)
        cells.push_back(inWords(figures->peakBytes, "B"));
      grid.add(cells);
    } else {
      grid.add(cells);
      grid.add({"  not simulated: " + row.unmeasured});
    }
  }
  grid.print(out);
}

void printStandings(const std::vector<Standing> &standings, bool bytes, std::ostream &out) {
  if (standings.empty())
    return;
  double best = standings.front().figures.makespan;
  Grid grid({false, true, false, false, false, false, false});
  grid.add({"", "schedule", "T", "slower", "peak", "parameters", bytes ? "peak in bytes" : ""});
  size_t place = 0;
  for (const Standing &standing : standings)
    grid.add({std::to_string(++place),
              standing.title + (standing.pipelines > 1 ? ", two pipelines" : ""),
              number(standing.figures.makespan),
              percent(best > 0 ? standing.figures.makespan / best - 1 : 0),
              number(standing.figures.peak), std::to_string(standing.copies) + "x",
              bytes ? inWords(standing.figures.peakBytes, "B") : ""});
  grid.print(out);
}

// Costs in seconds in another unit of time.
Costs inUnits(Costs costs, double unit) {
  for (double *time : {&costs.forward, &costs.input, &costs.weight, &costs.pair, &costs.comm})
    *time /= unit;
  for (StageCosts &stage : costs.stages)
    for (double *time : {&stage.forward, &stage.input, &stage.weight})
      *time /= unit;
  for (double &time : costs.pairs)
    time /= unit;
  for (Link &link : costs.links) {
    link.latency /= unit;
    link.bandwidth *= unit;
  }
  return costs;
}

// `model` is the artifact that the costs are of, or empty.
void printText(const Comparison &comparison, const std::string &model, std::ostream &out) {
  const Costs &costs = comparison.costs;
  std::string ranks = counted(comparison.ranks, "rank"),
              microBatches = counted(comparison.microBatches, "micro-batch", "es");
  out << ranks << " (P = " << comparison.ranks << "), " << microBatches
      << " (M = " << comparison.microBatches << ")\n";
  if (!model.empty())
    out << "costs of '" << model << "', all times in milliseconds; it was compiled into "
        << counted(costs.stages.size(), "stage") << ", over which\n"
        << "schedules with another number of stages divide it as if it were even within each\n";
  out << "times of one micro-batch through a device's share of the model, 1/P of it"
      << (model.empty() ? ":\n" : ", the mean of all devices:\n") << "  F    " << std::left
      << std::setw(10) << number(costs.forward) << "forward\n"
      << "  I    " << std::setw(10) << number(costs.input)
      << "backward, the gradients of activations; the zero-bubble papers' B\n"
      << "  W    " << std::setw(10) << number(costs.weight)
      << "backward, the gradients of weights\n"
      << "  B    " << std::setw(10) << number(costs.input + costs.weight)
      << "the whole backward, I + W; DeepSeek's, Megatron's and Chimera's B\n"
      << "  F&B  " << std::setw(10) << number(costs.pair)
      << "a forward and a backward overlapped in a pair; F + B where nothing is gained\n"
      << std::right
      << "T is from the first task to the last, idle is T less a rank's work, least to most of all "
         "ranks; in span, the most idle\n"
      << "time between a rank's own first and last task, which the zero-bubble papers count; "
         "bubble the idle part of all time;\n"
      << "parameters and activations are those of one device, in shares; gap is how far T is above "
         "the bound\n"
      << "that no schedule with the same placement can beat\n\n";
  printTable(comparison, out);
  out << "\nsame devices: " << ranks << ", " << microBatches << "\n";
  printStandings(comparison.sameDevices, hasBytes(comparison), out);
  out << "\nsame devices and memory: two copies of the parameters on " << ranks
      << "; in one bidirectional pipeline, or in two\n"
      << "pipelines in parallel (data parallelism 2), each of half the stages, twice as long, and "
         "half the micro-batches\n";
  if (comparison.ranks % 2)
    out << "an odd number of ranks has no halves\n";
  if (comparison.microBatches < 2)
    out << "one micro-batch has no halves\n";
  printStandings(comparison.sameMemory, hasBytes(comparison), out);
  out << "\n";
  for (const SecondCopyVerdict &verdict : comparison.secondCopies)
    out << wrap(inWords(verdict)) << "\n";
  out << wrap(inWords(comparison.chimeraCases));
}

Json toJson(const Figures &figures) {
  return {{"makespan", figures.makespan},
          {"idle_least", figures.leastIdle},
          {"idle_most", figures.mostIdle},
          {"span_idle_most", figures.spanIdle},
          {"bubble", figures.bubble},
          {"peak_activations", figures.peak},
          {"peak_bytes", figures.peakBytes},
          {"lower_bound", figures.lowerBound},
          {"gap", figures.gap()}};
}

Json toJson(const Standing &standing) {
  Json json = {{"schedule", standing.title},
               {"parameters", standing.copies},
               {"pipelines", standing.pipelines}};
  json.update(toJson(standing.figures));
  return json;
}

Json toJson(const Row &row) {
  const Generator &generator = *row.variant.generator;
  auto formula = [](const Formula &formula, const std::optional<double> &value) {
    return Json{{"formula", formula.text ? Json(formula.text) : Json()},
                {"value", value ? Json(*value) : Json()}};
  };
  Json json = {{"schedule", row.variant.title}, {"name", generator.name}};
  if (generator.alias)
    json["alias"] = generator.alias;
  json["options"] = row.variant.options;
  json["legal"] = row.legality.isLegal;
  if (!row.legality.isLegal)
    json["fault"] = row.legality.fault;
  if (row.ranks)
    json.update(Json{{"ranks", row.ranks}, {"micro_batches", row.microBatches}});
  json["bubble_formula"] = formula(generator.bubble, row.bubble);
  json["activations_formula"] = formula(generator.activations, row.activations);
  json["parameters"] = generator.replicas();
  if (row.figures)
    json.update(toJson(*row.figures));
  else if (!row.unmeasured.empty())
    json["not_simulated"] = row.unmeasured;
  return json;
}

Json toJson(const std::optional<SecondCopyVerdict::Rival> &rival) {
  if (!rival)
    return nullptr;
  return {{"against", toJson(rival->standing)},
          {"is_faster", rival->isFaster},
          {"break_even_pair", rival->breakEven ? Json(*rival->breakEven) : Json()}};
}

Json toJson(const SecondCopyVerdict &verdict);
Json toJson(const ChimeraVersusDualPipe &versus);
template <typename T> Json listOf(const std::vector<T> &values) {
  Json list = Json::array();
  for (const T &value : values)
    list.push_back(toJson(value));
  return list;
}

Json toJson(const SecondCopyVerdict &verdict) {
  return {{"schedule", verdict.title},
          {"pair", verdict.pair},
          {"forward_and_backward", verdict.plain},
          {"dominated_by", listOf(verdict.dominators)},
          {"same_devices", toJson(verdict.sameDevices)},
          {"same_devices_any_activations", toJson(verdict.anyActivations)},
          {"same_devices_and_memory", toJson(verdict.sameMemory)},
          {"words", inWords(verdict)}};
}

Json toJson(const ChimeraVersusDualPipe &versus) {
  auto optional = [](const std::optional<Standing> &standing) {
    return standing ? toJson(*standing) : Json();
  };
  return {{"backward_in_forwards", versus.backward},
          {"pair_of_forward_and_backward", versus.gain},
          {"ranks", versus.ranks},
          {"micro_batches", versus.microBatches},
          {"chimera", toJson(versus.chimera)},
          {"dualpipe", toJson(versus.dualpipe)},
          {"chimera_halved", optional(versus.halvedChimera)},
          {"dualpipe_halved", optional(versus.halvedDualpipe)},
          {"shortest", toJson(versus.shortest)}};
}

Json toJson(const Comparison &comparison) {
  const Costs &costs = comparison.costs;
  return {
      {"ranks", comparison.ranks},
      {"micro_batches", comparison.microBatches},
      {"costs",
       {{"F", costs.forward},
        {"I", costs.input},
        {"W", costs.weight},
        {"B", costs.input + costs.weight},
        {"FB", costs.pair},
        {"comm", costs.comm}}},
      {"schedules", listOf(comparison.rows)},
      {"same_devices", listOf(comparison.sameDevices)},
      {"same_devices_and_memory", listOf(comparison.sameMemory)},
      {"second_copy", listOf(comparison.secondCopies)},
      {"chimera",
       {{"cases", listOf(comparison.chimeraCases)}, {"words", inWords(comparison.chimeraCases)}}}};
}

void printCsv(const Comparison &comparison, std::ostream &out) {
  out << "schedule,legal,ranks,micro_batches,bubble_formula,bubble_value,parameters,activations_"
         "formula,activations_value,makespan,idle_least,idle_most,"
         "span_idle_most,bubble,peak_activations,lower_bound,gap\n";
  auto optional = [](const std::optional<double> &value) {
    return value ? number(*value, 12) : "";
  };
  auto quoted = [](const char *text) { return text ? '"' + std::string(text) + '"' : ""; };
  for (const Row &row : comparison.rows) {
    const Generator &generator = *row.variant.generator;
    out << quoted(row.variant.title.c_str()) << "," << (row.legality.isLegal ? "yes" : "no") << ","
        << row.ranks << "," << row.microBatches << "," << quoted(generator.bubble.text) << ","
        << optional(row.bubble) << "," << generator.replicas() << ","
        << quoted(generator.activations.text) << "," << optional(row.activations);
    for (auto get :
         {+[](const Figures &f) { return f.makespan; },
          +[](const Figures &f) { return f.leastIdle; },
          +[](const Figures &f) { return f.mostIdle; },
          +[](const Figures &f) { return f.spanIdle; }, +[](const Figures &f) { return f.bubble; },
          +[](const Figures &f) { return f.peak; }, +[](const Figures &f) { return f.lowerBound; },
          +[](const Figures &f) { return f.gap(); }})
      out << "," << (row.figures ? number(get(*row.figures), 12) : "");
    out << "\n";
  }
}

} // namespace

int compareCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Costs> costs = modelCosts(flags);
  if (!costs.ok())
    return fail(err, costs.error(), costsStatus(flags));
  unsigned ranks = flags.source.ranks ? flags.source.ranks : 1;
  unsigned microBatches = flags.source.microBatches ? flags.source.microBatches : 4 * ranks;
  // Steps of a model take milliseconds; what other programs read is in seconds.
  if (!flags.costsFrom.empty() && flags.format == "text")
    *costs = inUnits(*costs, 1e-3);
  Comparison comparison = compare(ranks, microBatches, *costs, flags.source.chunks);
  if (flags.format == "json")
    out << toJson(comparison).dump(2) << "\n";
  else if (flags.format == "csv")
    printCsv(comparison, out);
  else
    printText(comparison, flags.costsFrom, out);
  return 0;
}

} // namespace dpc::schedule
