// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dpc eval: the mean loss of a checkpoint, of a file of weights or of the model's own.
#include "checkpoint/Checkpoint.h"
#include "checkpoint/DefaultFolder.h"
#include "cli/CommandLine.h"
#include "dpc-run/Command.h"
#include "dpc-run/Evaluate.h"
#include "dpc-run/InitWeights.h"
#include "dpc-run/Launcher.h"
#include "dpc-run/ProgressLog.h"
#include "dpc-run/Run.h"
#include "dpc-run/StopSignals.h"
#include <nlohmann/json.hpp>

namespace dpcrt {
namespace {
struct EvalOptions {
  std::string artifact, data, checkpoint, initWeights, device = "cpu";
  uint64_t steps = 0;
  unsigned threads = 0;
};

Status takeWeights(const EvalOptions &options, const dpcrt_artifact *artifact,
                   dpcrt_session *session, std::ostream &err) {
  if (!options.initWeights.empty())
    return initWeights(options.initWeights, options.artifact, artifact, session, err);
  if (options.checkpoint.empty()) {
    std::string folder = defaultCheckpointFolder(options.artifact);
    std::vector<FoundCheckpoint> found;
    bool any = listCheckpoints(folder, found).ok() && !found.empty();
    err << "evaluating the model's initial weights"
        << (any ? "; trained ones are in " + folder + " (--checkpoint)" : "") << "\n";
    return {};
  }
  auto restored = sized<dpcrt_restored>();
  if (Status s = fromC(dpcrt_session_restore(session, options.checkpoint.c_str(), &restored));
      !s.ok())
    return s;
  err << "evaluating " << restored.path << "\n" << restored.notes;
  return {};
}

Status evaluate(const EvalOptions &options, std::ostream &out, std::ostream &err) {
  if (!options.checkpoint.empty() && !options.initWeights.empty())
    return Status(Code::Usage, "--checkpoint and --init-weights both say which weights; give one");
  if (Status s = checkLauncher(); !s.ok())
    return s;
  dpcrt_artifact *a = nullptr;
  if (Status s = fromC(dpcrt_artifact_open(options.artifact.c_str(), &a)); !s.ok())
    return s;
  ArtifactHandle artifact(a);
  auto manifest = nlohmann::ordered_json::parse(dpcrt_artifact_manifest(a));
  EvaluationPlan plan;
  plan.steps = options.steps;
  plan.weighting = manifest["loss"]["weighting"];
  const char *entry = dpcrt_artifact_has_entry(a, "eval_step") ? "eval_step" : "train_step";
  plan.microBatches = microBatchesOfStep(manifest, entry, 1);
  Batches batches;
  if (Status s = batches.open(options.data, inputSpecs(a), plan.microBatches, 0, {}); !s.ok())
    return s;
  if (!plan.steps && !batches.rows())
    return Status(Code::Usage, "the data has no end; --steps N says how much of it to take");
  auto so = sized<dpcrt_session_options>();
  so.device = options.device.c_str();
  so.threads = options.threads;
  so.timeout_s = 300;
  dpcrt_session *s = nullptr;
  if (Status status = fromC(dpcrt_session_create(a, &so, &s)); !status.ok())
    return status;
  SessionHandle session(s);
  if (Status status = takeWeights(options, a, s, err); !status.ok())
    return status;
  uint64_t leftOver = 0, steps = evaluationSteps(plan, batches.rows(), leftOver);
  if (leftOver)
    err << "note: " << plan.microBatches << " micro-batches are evaluated at a time; the last "
        << leftOver << " of " << batches.rows() << " are left out\n";
  else if (batches.rows() && batches.rows() < plan.microBatches)
    err << "note: " << plan.microBatches
        << " micro-batches are evaluated at a time; the data holds " << batches.rows()
        << ", so some count more than once\n";
  StopSignals signals;
  std::optional<Evaluation> evaluation;
  if (Status status = evaluateMean(a, s, batches, plan, StopSignals::asked, evaluation);
      !status.ok())
    return status;
  if (!evaluation)
    return Status(Code::Stopped, "stopped on request before all of the data was evaluated");
  std::string over =
      " (mean over " + std::to_string(steps * plan.microBatches) + " micro-batches)\n";
  out << "loss " << print("%.6f", evaluation->loss) << over;
  for (auto &[name, value] : evaluation->outputs)
    out << Evaluation::shown(name) << " " << print("%.6f", value) << over;
  return {};
}
} // namespace

int evalCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  EvalOptions options;
  CLI::App app(
      "The mean loss over data, and of every other output of one number, without training.",
      "dpc eval");
  app.add_option("MODEL", options.artifact, "The artifact")->required();
  app.add_option("--data", options.data, "As for dpc run")->required();
  app.add_option(
      "--checkpoint", options.checkpoint,
      "A checkpoint, or a folder of them, of which the newest (the model's initial weights)");
  app.add_option("--init-weights", options.initWeights,
                 "Instead: a safetensors file of weights, or the index of several");
  app.add_option("--steps", options.steps, "Steps to evaluate (all of the data)");
  app.add_option("--device", options.device, "The artifact's")->capture_default_str();
  app.add_option("--threads", options.threads,
                 "Threads that compute at one time, all ranks together (the cores)");
  if (auto ended = parseCommandLine(app, args, out, err))
    return *ended;
  return runToStatus("dpc eval", out, err, [&] { return evaluate(options, out, err); });
}

} // namespace dpcrt
