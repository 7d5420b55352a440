// See Alternatives.h.
#include "Alternatives.h"

#include "dpc/Schedule/Check.h"
#include "dpc/Schedule/Generators.h"
#include "dpc/Schedule/Source.h"
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
  if (stages != cutStages)
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

Candidate Alternatives::plan(const std::string &schedule, unsigned ranks, unsigned microBatches, unsigned replicas) {
  Candidate candidate;
  candidate.schedule = schedule;
  candidate.ranks = ranks;
  candidate.microBatches = microBatches;
  candidate.replicas = replicas;
  auto refuse = [&](std::string why) {
    candidate.notLegal = std::move(why);
    return std::move(candidate);
  };
  bool isFile = schedule::isFile(schedule);
  auto table = schedule::load({schedule, ranks, microBatches, 0});
  if (!table.ok())
    return refuse(table.error());
  if (isFile)
    if (std::vector<std::string> errors = schedule::check(*table); !errors.empty())
      return refuse(schedule + ": " + errors.front());
  candidate.copies = table->replicas.size();
  const Prepared &model = prepare(table->stages);
  if (!model.module)
    return refuse(model.error);
  Quiet quiet(context);
  auto step = lowering::PlannedStep::make(*model.module, *table, machine);
  if (failed(step))
    return refuse(quiet.take());
  lowering::StepForecast forecast = step->forecast(replicas);
  candidate.seconds = forecast.seconds;
  candidate.bubble = forecast.bubble;
  candidate.bytes = forecast.peakBytes();
  candidate.step = std::move(*step);
  return candidate;
}

std::vector<Candidate> Alternatives::planOthers(const std::string &except, unsigned ranks, unsigned microBatches) {
  std::vector<Candidate> candidates;
  for (const schedule::Generator &generator : schedule::generators())
    if (&generator != schedule::findGenerator(except))
      candidates.push_back(plan(generator.name, ranks, microBatches));
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
