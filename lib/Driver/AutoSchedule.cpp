// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See AutoSchedule.h.
#include "AutoSchedule.h"

#include "ChosenSchedule.h"
#include "dpc/Schedule/compare/Compare.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/search/Search.h"

#include <set>
#include <tuple>

using dpc::lowering::changeInWords;
using dpc::lowering::inWords;
using dpc::lowering::timeInWords;

namespace dpc::driver {
namespace {

// Each placement gets this part of what a search of its own would try.
constexpr uint64_t kSearchPart = 8;
// Stages of a rank and copy in the placements that are searched.
constexpr unsigned kMostChunks = 2;

// The search takes times nearer than a billionth for equal: costs of seconds become
// costs of a device's share of a micro-batch, as large as the field's F + B = 3.
schedule::Costs inShares(schedule::Costs costs) {
  double whole = costs.forward + costs.input + costs.weight;
  if (whole <= 0)
    return costs;
  double factor = 3 / whole;
  for (double *time : {&costs.forward, &costs.input, &costs.weight, &costs.pair, &costs.comm})
    *time *= factor;
  for (schedule::StageCosts &stage : costs.stages)
    for (double *time : {&stage.forward, &stage.input, &stage.weight})
      *time *= factor;
  for (double &pair : costs.pairs)
    pair *= factor;
  for (schedule::Link &link : costs.links) {
    link.latency *= factor;
    link.bandwidth /= factor;
  }
  return costs;
}

std::string figures(const Candidate &candidate) {
  return timeInWords(candidate.seconds) + " a step, " + inWords(candidate.bytes, "B") + " a rank";
}

// Fastest first, then smallest; the order of the list decides between equals.
bool isBefore(const Candidate &a, const Candidate &b) {
  return std::tie(a.seconds, a.bytes) < std::tie(b.seconds, b.bytes);
}

class Chooser {
public:
  Chooser(Alternatives &alternatives, const CompileOptions &options)
      : alternatives(alternatives), options(options) {}

  AutoChoice run() {
    std::vector<schedule::Variant> variants = schedule::variants();
    for (const schedule::Variant &variant : variants)
      choice.candidates.push_back(
          alternatives.plan(variant.title, options.ranks, options.microBatches));
    std::set<std::pair<schedule::Placement, unsigned>> searched;
    for (size_t i = 0; i < variants.size(); ++i) {
      schedule::Placement placement = variants[i].generator->placement;
      unsigned chunks =
          variants[i].generator->chunks({options.ranks, options.microBatches, variants[i].options});
      if (choice.candidates[i].step && chunks <= kMostChunks &&
          searched.insert({placement, chunks}).second)
        search(placement, chunks, i);
    }
    choose();
    if (choice.best)
      say();
    return std::move(choice);
  }

private:
  bool isWithin(const Candidate &candidate) const {
    return candidate.step &&
           (!options.memoryLimit || uint64_t(candidate.bytes) <= options.memoryLimit);
  }
  // Made for this model in the placement of a known schedule.
  void search(schedule::Placement placement, unsigned chunks, size_t known) {
    schedule::SearchOptions wanted;
    wanted.placement = placement;
    wanted.ranks = options.ranks;
    wanted.microBatches = options.microBatches;
    wanted.chunks = chunks;
    wanted.costs = inShares(choice.candidates[known].step->getCosts());
    if (options.memoryLimit &&
        !findCaps(choice.candidates[known].step->forecast(), chunks, wanted.activationCaps))
      return;
    wanted.iterations = 1 + schedule::defaultIterations(options.ranks, options.ranks * chunks,
                                                        options.microBatches) /
                                kSearchPart;
    auto found = schedule::search(wanted);
    if (!found.ok())
      return;
    found->table.name = std::string("search-") + getName(placement);
    Candidate candidate = alternatives.plan(found->table.name, found->table);
    candidate.text = schedule::printText(found->table);
    origins[found->table.name] = "made for this model from " + found->origin + ", " +
                                 std::to_string(found->iterations) + " schedules tried";
    choice.candidates.push_back(std::move(candidate));
  }

  // How many device shares of a micro-batch each rank may hold, by what the known
  // schedule keeps of one; the plan of what is found has the last word.
  bool findCaps(const lowering::StepForecast &forecast, unsigned chunks,
                std::vector<double> &caps) const {
    for (const lowering::RankForecast &rank : forecast.perRank) {
      int64_t stash = 0;
      for (auto &[name, bytes] : rank.arenas)
        stash += name == "stash" ? bytes : 0;
      int64_t left = int64_t(options.memoryLimit) - (rank.bytes - stash);
      double share = rank.peakStashes ? double(stash) * chunks / rank.peakStashes : 0;
      double cap = share > 0 ? left / share : options.microBatches;
      if (left < 0 || cap < 1)
        return false;
      caps.push_back(std::min<double>(cap, options.microBatches));
    }
    return true;
  }

  std::optional<size_t>
  first(llvm::function_ref<bool(const Candidate &)> counts,
        llvm::function_ref<bool(const Candidate &, const Candidate &)> isBefore) {
    std::optional<size_t> best;
    for (size_t i = 0; i < choice.candidates.size(); ++i)
      if (counts(choice.candidates[i]) &&
          (!best || isBefore(choice.candidates[i], choice.candidates[*best])))
        best = i;
    return best;
  }

  void choose() {
    choice.best = first([&](const Candidate &candidate) { return isWithin(candidate); }, isBefore);
    if (!choice.best)
      choice.best = first([](const Candidate &candidate) { return candidate.step.has_value(); },
                          [](const Candidate &a, const Candidate &b) {
                            return std::tie(a.bytes, a.seconds) < std::tie(b.bytes, b.seconds);
                          });
    if (!choice.best)
      choice.error = "no schedule can be had here: " + choice.candidates.front().schedule + ": " +
                     choice.candidates.front().notLegal;
  }

  void say() {
    const Candidate &best = choice.candidates[*choice.best];
    unsigned legal = llvm::count_if(
        choice.candidates, [](const Candidate &candidate) { return candidate.step.has_value(); });
    unsigned within = llvm::count_if(
        choice.candidates, [&](const Candidate &candidate) { return isWithin(candidate); });
    std::string line = "schedule: auto chose " + best.schedule + " of " + std::to_string(legal) +
                       " that are legal here";
    if (within < legal)
      line += ", " + std::to_string(within) + " within --memory-limit";
    line += "; forecast " + figures(best);
    std::optional<size_t> next = first(
        [&](const Candidate &candidate) { return &candidate != &best && isWithin(candidate); },
        isBefore);
    if (next) {
      const Candidate &other = choice.candidates[*next];
      line += "; next best " + other.schedule + ", " + figures(other) + " (" +
              changeInWords(best.seconds, other.seconds) + ")";
    }
    choice.lines.push_back(line);
    if (auto origin = origins.find(best.schedule); origin != origins.end())
      choice.lines.push_back("schedule: " + best.schedule + " was " + origin->second);
    sayBound(best);
  }

  // What any order of tasks must take in the placement, for its plain tasks without
  // what comes behind them.
  void sayBound(const Candidate &best) {
    CompileOptions chosen = options;
    adoptChoice(chosen, choice);
    auto table = loadTable(chosen);
    if (!table.ok())
      return;
    double bound = schedule::lowerBound(*table, best.step->getCosts(), /*pairs=*/true),
           tasks = best.step->forecast().tasks;
    if (bound > 0)
      choice.lines.push_back("schedule: its tasks take " + timeInWords(tasks) + ", " +
                             changeInWords(bound, tasks) + " over the bound of its placement, " +
                             timeInWords(bound));
  }

  Alternatives &alternatives;
  const CompileOptions &options;
  AutoChoice choice;
  std::map<std::string, std::string> origins; // of searched schedules, by name
};

} // namespace

std::vector<lowering::Alternative> AutoChoice::others(uint64_t memoryLimit) const {
  std::vector<lowering::Alternative> result;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (i != best && candidates[i].text.empty() &&
        (!memoryLimit || uint64_t(candidates[i].bytes) <= memoryLimit))
      result.push_back(candidates[i]);
  return result;
}

AutoChoice chooseSchedule(Alternatives &alternatives, const CompileOptions &options) {
  return Chooser(alternatives, options).run();
}

void adoptChoice(CompileOptions &options, const AutoChoice &choice) {
  options.schedule = choice.candidates[*choice.best].schedule;
  options.scheduleText = choice.candidates[*choice.best].text;
}

} // namespace dpc::driver
