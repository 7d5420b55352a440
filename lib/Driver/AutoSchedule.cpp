// See AutoSchedule.h.
#include "AutoSchedule.h"

#include "ChosenSchedule.h"
#include "dpc/Schedule/Compare.h"
#include "dpc/Schedule/Simulate.h"

#include <tuple>

using dpc::lowering::changeInWords;
using dpc::lowering::inWords;
using dpc::lowering::timeInWords;

namespace dpc::driver {
namespace {

std::string figures(const Candidate &candidate) {
  return timeInWords(candidate.seconds) + " a step, " + inWords(candidate.bytes, "B") + " a rank";
}

// Fastest first, then smallest; the order of the list decides between equals.
bool isBefore(const Candidate &a, const Candidate &b) { return std::tie(a.seconds, a.bytes) < std::tie(b.seconds, b.bytes); }

class Chooser {
public:
  Chooser(Alternatives &alternatives, const CompileOptions &options) : alternatives(alternatives), options(options) {}

  AutoChoice run() {
    for (const schedule::Variant &variant : schedule::variants())
      choice.candidates.push_back(alternatives.plan(variant.title, options.ranks, options.microBatches));
    choose();
    if (choice.best)
      say();
    return std::move(choice);
  }

private:
  bool isWithin(const Candidate &candidate) const {
    return candidate.step && (!options.memoryLimit || uint64_t(candidate.bytes) <= options.memoryLimit);
  }
  std::optional<size_t> first(llvm::function_ref<bool(const Candidate &)> counts, llvm::function_ref<bool(const Candidate &, const Candidate &)> isBefore) {
    std::optional<size_t> best;
    for (size_t i = 0; i < choice.candidates.size(); ++i)
      if (counts(choice.candidates[i]) && (!best || isBefore(choice.candidates[i], choice.candidates[*best])))
        best = i;
    return best;
  }

  void choose() {
    choice.best = first([&](const Candidate &candidate) { return isWithin(candidate); }, isBefore);
    if (!choice.best)
      choice.best = first([](const Candidate &candidate) { return candidate.step.has_value(); },
                          [](const Candidate &a, const Candidate &b) { return std::tie(a.bytes, a.seconds) < std::tie(b.bytes, b.seconds); });
    if (!choice.best)
      choice.error = "no schedule can be had here: " + choice.candidates.front().schedule + ": " + choice.candidates.front().notLegal;
  }

  void say() {
    const Candidate &best = choice.candidates[*choice.best];
    unsigned legal = llvm::count_if(choice.candidates, [](const Candidate &candidate) { return candidate.step.has_value(); });
    unsigned within = llvm::count_if(choice.candidates, [&](const Candidate &candidate) { return isWithin(candidate); });
    std::string line = "schedule: auto chose " + best.schedule + " of " + std::to_string(legal) + " that are legal here";
    if (within < legal)
      line += ", " + std::to_string(within) + " within --memory-limit";
    line += "; forecast " + figures(best);
    std::optional<size_t> next = first([&](const Candidate &candidate) { return &candidate != &best && isWithin(candidate); }, isBefore);
    if (next) {
      const Candidate &other = choice.candidates[*next];
      line += "; next best " + other.schedule + ", " + figures(other) + " (" + changeInWords(best.seconds, other.seconds) + ")";
    }
    choice.lines.push_back(line);
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
    double bound = schedule::lowerBound(*table, best.step->getCosts(), /*pairs=*/true), tasks = best.step->forecast().tasks;
    if (bound > 0)
      choice.lines.push_back("schedule: its tasks take " + timeInWords(tasks) + ", " + changeInWords(bound, tasks) + " over the bound of its placement, " +
                             timeInWords(bound));
  }

  Alternatives &alternatives;
  const CompileOptions &options;
  AutoChoice choice;
};

} // namespace

std::vector<lowering::Alternative> AutoChoice::others() const {
  std::vector<lowering::Alternative> result = withoutPlans(candidates);
  if (best)
    result.erase(result.begin() + *best);
  return result;
}

AutoChoice chooseSchedule(Alternatives &alternatives, const CompileOptions &options) { return Chooser(alternatives, options).run(); }

void adoptChoice(CompileOptions &options, const AutoChoice &choice) {
  options.schedule = choice.candidates[*choice.best].schedule;
  options.scheduleText = choice.candidates[*choice.best].text;
}

} // namespace dpc::driver
