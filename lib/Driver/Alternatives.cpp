// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Alternatives.h.
#include "Alternatives.h"

#include "ChosenSchedule.h"
#include "dpc/Schedule/generators/Generators.h"
#include "dpc/Schedule/generators/Source.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;

namespace dpc::driver {
namespace {

// Takes what would be printed: a schedule that cannot be is an answer, no failure.
class Quiet {
public:
  explicit Quiet(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (error.empty() && diagnostic.getSeverity() == DiagnosticSeverity::Error)
            error = diagnostic.str();
          return success();
        }) {}
  std::string take() { return error.empty() ? "it cannot be planned" : std::move(error); }

private:
  std::string error;
  ScopedDiagnosticHandler handler;
};

} // namespace

const Alternatives::Prepared &Alternatives::prepare(unsigned stages) {
  auto [it, isNew] = prepared.try_emplace(stages);
  Prepared &result = it->second;
  if (!isNew)
    return result;
  Quiet quiet(context);
  CompileOptions one = options;
  one.ranks = stages;
  one.schedule = "1f1b"; // a stage on each rank; the partition asks no more
  one.scheduleText.clear();
  if (cutStages && stages != cutStages)
    one.cuts.clear();
  result.module = parseSourceString<ModuleOp>(source, context);
  for (const char *phase : {"partition", "autodiff", "kernels"}) {
    PassManager pm(context);
    pm.enableVerifier(false); // the same passes have been verified on this model
    buildPhase(phase, pm, one);
    if (!result.module || failed(pm.run(*result.module))) {
      result.error = quiet.take();
      result.module = nullptr;
      return result;
    }
    if (phase == StringRef("partition"))
      result.stages = partition::summarizeStages(*result.module, machine);
  }
  return result;
}

void Alternatives::adopt(OwningOpRef<ModuleOp> module) {
  Prepared &result = prepared[cutStages];
  result.stages = partition::summarizeStages(*module, machine);
  result.module = std::move(module);
}

Candidate Alternatives::plan(Candidate candidate, const schedule::Result<schedule::Table> &table) {
  auto refuse = [&](std::string why) {
    candidate.notLegal = std::move(why);
    return std::move(candidate);
  };
  if (!table.ok())
    return refuse(table.error());
  candidate.copies = table->replicas.size();
  const Prepared &model = prepare(table->stages);
  if (!model.module)
    return refuse(model.error);
  Quiet quiet(context);
  auto step = lowering::PlannedStep::make(*model.module, *table, machine, candidate.replicas);
  if (failed(step))
    return refuse(quiet.take());
  lowering::StepForecast forecast = step->forecast();
  candidate.seconds = forecast.seconds;
  candidate.bubble = forecast.bubble;
  candidate.bytes = forecast.peakBytes();
  for (bool isSharded : {false, true})
    candidate.bytesIf[isSharded] = forecast.peakBytes(isSharded);
  candidate.step = std::move(*step);
  return candidate;
}

static Candidate nameCandidate(const std::string &schedule, unsigned ranks, unsigned microBatches,
                               unsigned replicas) {
  Candidate candidate;
  candidate.schedule = schedule;
  candidate.ranks = ranks;
  candidate.microBatches = microBatches;
  candidate.replicas = replicas;
  return candidate;
}

Candidate Alternatives::plan(const std::string &schedule, unsigned ranks, unsigned microBatches,
                             unsigned replicas) {
  return plan(nameCandidate(schedule, ranks, microBatches, replicas),
              schedule::load({schedule, ranks, microBatches, 0}));
}

Candidate Alternatives::plan(const std::string &name, const schedule::Table &table,
                             unsigned replicas) {
  return plan(nameCandidate(name, table.ranks, table.microBatches, replicas), table);
}

Candidate Alternatives::planChosen(const CompileOptions &chosen) {
  return plan(nameCandidate(chosen.schedule, chosen.ranks, chosen.microBatches, 1),
              loadTable(chosen));
}

std::vector<Candidate> Alternatives::planOthers(const CompileOptions &chosen) {
  // A name with options is another schedule than the name with other options.
  std::optional<schedule::Named> named;
  if (chosen.scheduleText.empty())
    if (auto found = schedule::findNamed({chosen.schedule, chosen.ranks, chosen.microBatches, 0});
        found.ok())
      named = *found;
  auto isChosen = [&](const schedule::Generator &generator) {
    if (!named || named->generator != &generator)
      return false;
    for (const schedule::Option &option : generator.options)
      if (generator.option(named->request, option.name) != option.fallback)
        return false;
    return true;
  };
  std::vector<Candidate> candidates;
  for (const schedule::Generator &generator : schedule::generators())
    if (!isChosen(generator))
      candidates.push_back(plan(generator.name, chosen.ranks, chosen.microBatches));
  return candidates;
}

std::vector<Candidate> Alternatives::planHalves(unsigned ranks, unsigned microBatches) {
  std::vector<Candidate> candidates;
  if (ranks % 2 || microBatches % 2)
    return candidates;
  for (const schedule::Generator &generator : schedule::generators())
    if (generator.replicas() == 1)
      candidates.push_back(plan(generator.name, ranks / 2, microBatches / 2, 2));
  return candidates;
}

std::vector<lowering::Alternative> withoutPlans(const std::vector<Candidate> &candidates) {
  return {candidates.begin(), candidates.end()};
}

} // namespace dpc::driver
