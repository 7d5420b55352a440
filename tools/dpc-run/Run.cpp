// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The training loop of dpc-run.
#include "dpc-run/Run.h"
#include "data/OutputLock.h"
#include "dpc-run/Checkpoints.h"
#include "dpc-run/Command.h"
#include "dpc-run/Evaluate.h"
#include "dpc-run/InitWeights.h"
#include "dpc-run/NonFinite.h"
#include "dpc-run/Output.h"
#include "dpc-run/ProgressLog.h"
#include "dpc-run/RunOptions.h"
#include "dpc-run/RunWorld.h"
#include "dpc-run/StepsUnderWay.h"
#include "dpc-run/StopSignals.h"
#include "dpc-run/Update.h"
#include "dpc-run/VirtualClock.h"
#include "session/Client.h"
#include "world/Launch.h"
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace dpcrt {
using json = nlohmann::ordered_json;

namespace {
class Run {
public:
  Run(const RunOptions &options, const RunWorld &world, std::ostream &out, std::ostream &err,
      bool terminal)
      : options(options), world(world), out(out), err(err), log(err, terminal, options.logEvery),
        checkpoints(options, world, err) {}
  Status run();

private:
  Status open();
  Status openSession();
  Status start();
  Status planSteps();
  Status prepareOutputs();
  Status train();
  Status submitSteps();
  Status takeStep();
  bool endsPipeline(uint64_t step) const;
  Status checkFinite(const StepsUnderWay::Step &step, const dpcrt_result &result);
  std::string findNonFinite(const StepsUnderWay::Step &step, const dpcrt_result &result);
  Status evaluate(uint64_t step);
  Status save(uint64_t step);
  Status tellSaved(bool wait);
  Status writeStepMetrics(const StepsUnderWay::Step &step, const dpcrt_result &result);
  Status finish(const Status &ended);
  Status writeReport(const Status &status);
  bool traced(uint64_t step) const;
  // Whether the device takes times and computes nothing.
  bool isTimed() const { return options.virtualClock; }

  // Whether the run is to stop: at one step in all processes.
  bool stops() const { return world.isSpread() ? stopAgreed : StopSignals::asked(); }

  const RunOptions &options;
  const RunWorld &world;
  std::ostream &out, &err;
  ProgressLog log;
  json manifest;
  ArtifactHandle artifact;
  Checkpoints checkpoints; // the session's last save ends before the folder is unlocked
  SessionHandle session;
  Batches batches, evalBatches;
  StepsUnderWay underWay;
  LearningRate rate;
  MetricsFile metrics;
  std::vector<OutputLock> locks;
  StartPoint from;
  uint64_t microBatches = 1, evalMicroBatches = 1; // of a step
  uint64_t experts = 1;
  uint64_t steps = 0, stepsDone = 0, cursor = 0, skippedInRow = 0;
  uint64_t submitted = 0; // the last step that was
  double samplesPerMicroBatch = 1, samplesPerStep = 1, tokensPerStep = 0;
  bool oversubscribed = false, anyTraced = false;
  bool stopAgreed = false; // of several processes
  uint64_t residentAtStart = 0, residentAfterLoad = 0;
  json losses = json::array(), stepTimes = json::array(), evaluations = json::array();
  double lastLoss = NAN, firstLoss = NAN, fastest = INFINITY, lastRate = 0;
};

// What can be refused without the model's memory is refused before it is allocated.
Status Run::open() {
  residentAtStart = residentBytes();
  dpcrt_artifact *a = nullptr;
  if (Status s = fromC(dpcrt_artifact_open(options.artifact.c_str(), &a)); !s.ok())
    return s;
  artifact.reset(a);
  manifest = json::parse(dpcrt_artifact_manifest(a));
  experts = manifest["mesh"]["ep"];
  microBatches = microBatchesOfStep(manifest, "train_step", 1);
  evalMicroBatches = microBatchesOfStep(manifest, "eval_step", microBatches);
  auto perMicroBatch = [&](const char *key, double otherwise) {
    return manifest.contains(key) ? manifest[key].get<double>() : otherwise;
  };
  samplesPerMicroBatch = perMicroBatch("samples_per_micro_batch", 1) * double(experts);
  samplesPerStep = samplesPerMicroBatch * double(microBatches);
  tokensPerStep = perMicroBatch("tokens_per_micro_batch", 0) * double(microBatches * experts);
  if (Status s = LearningRate::make(options.lr, options.lrSchedule, options.steps, rate); !s.ok())
    return s;
  if (Status s = world.openData(a, "train_step", options.data, inputSpecs(a, /*evaluation=*/false),
                                microBatches, options.epochs, options.shuffle, batches);
      !s.ok())
    return s;
  for (const std::string &note : batches.notes())
    err << "note: " << note << "\n";
  if (!options.steps && !batches.stepsFrom(0))
    return Status(Code::Usage, "the data has no end; --steps N says how long to train");
  if (!options.evalData.empty())
    if (Status s =
            world.openData(a, dpcrt_artifact_has_entry(a, "eval_step") ? "eval_step" : "train_step",
                           options.evalData, inputSpecs(a), evalMicroBatches, 0, {}, evalBatches);
        !s.ok())
      return s.within("--eval-data");
  if (options.evalData.empty() && (options.evalEvery || options.evalSteps))
    return Status(Code::Usage, "--eval-every and --eval-steps need --eval-data");
  if (!options.evalData.empty() && !options.evalSteps && !evalBatches.rows())
    return Status(Code::Usage,
                  "--eval-data has no end; --eval-steps N says how much of it to take");
  if (options.trace.empty() && options.traceSteps)
    return Status(Code::Usage, "--trace-steps needs --trace FILE");
  return checkpoints.open();
}

Status Run::openSession() {
  dpcrt_artifact *a = artifact.get();
  auto so = sized<dpcrt_session_options>();
  so.device = options.device.c_str();
  so.threads = world.threads(options.threads);
  so.world = world.get();
  so.link_latency_s = options.linkLatency;
  so.link_bandwidth = options.linkBandwidth;
  so.timeout_s = options.timeoutSeconds;
  so.seed = options.seed.value_or(0);
  so.seed_order = options.seedOrder.empty() ? nullptr : options.seedOrder.c_str();
  so.virtual_clock = options.virtualClock ? options.clockTimes.c_str() : nullptr;
  so.graphs = options.cudaGraphs;
  so.check_mirrors = options.checkMirrors;
  dpcrt_session *s = nullptr;
  if (Status status = fromC(dpcrt_session_create(a, &so, &s)); !status.ok())
    return status;
  session.reset(s);
  if (isTimed())
    err << describeVirtualClock(dpcrt_session_clock_factor(s));
  if (Status status = applyUpdateOptions(a, s, manifest["optimizer"], options.lr,
                                         options.optimizerOptions, options.paramGroups);
      !status.ok())
    return status;
  // All ranks of a process share its GPU, which no threads of the host are.
  const uint64_t perProcess = options.device == "cuda" ? 1 : dpcrt_session_threads(s);
  oversubscribed =
      dpcrt_session_ranks(s) > perProcess * uint64_t(dpcrt_world_processes(world.get()));
  if (manifest["targets"].size() > 1)
    err << "note: of the artifact's " << manifest["targets"].size() << " targets "
        << dpcrt_session_target(s) << " runs here; others may give sums other last bits\n";
  return {};
}

// Where the run begins: at a checkpoint, at weights from a file, or at the model's own.
Status Run::start() {
  if (Status s = checkpoints.resume(session.get(), manifest["model"]["hash"], from); !s.ok())
    return s;
  if (from.path.empty())
    return options.initWeights.empty() ? Status()
                                       : initWeights(options.initWeights, options.artifact,
                                                     artifact.get(), session.get(), err);
  stepsDone = from.step;
  cursor = from.cursor;
  batches.setShuffle(from.shuffle);
  if (from.rows != batches.rows())
    err << "note: the data holds " << batches.rows() << " micro-batches, it held " << from.rows
        << " when the checkpoint was written; the run goes on with number " << from.cursor
        << " of the whole run\n";
  return {};
}

// The run's end: --steps, or where the data ends.
Status Run::planSteps() {
  if (options.steps) {
    steps = *options.steps;
    return steps > stepsDone ? batches.enoughFor(steps - stepsDone, cursor, options.data)
                             : Status();
  }
  steps = stepsDone + *batches.stepsFrom(cursor);
  return steps ? Status() : batches.enoughFor(1, cursor, options.data);
}

// Everything that can fail for the disk's sake fails before the first step, and two
// runs never write one file.
Status Run::prepareOutputs() {
  if (!world.isFirst())
    return {};
  if (!options.dump.empty()) {
    if (Status s = makeDirectories(options.dump); !s.ok())
      return s;
    locks.emplace_back();
    if (Status s = locks.back().takeFolder(options.dump); !s.ok())
      return s;
  }
  for (const std::string &path : {options.report, options.trace}) {
    if (path.empty())
      continue;
    OutputFile probe; // leaves nothing behind
    if (Status s = probe.create(path); !s.ok())
      return s;
    locks.emplace_back();
    if (Status s = locks.back().takeFile(path); !s.ok())
      return s;
  }
  if (options.metrics.empty())
    return {};
  bool resumed = !from.path.empty();
  if (Status s = metrics.open(options.metrics, resumed); !s.ok())
    return s;
  json line = {{"v", 1},
               {"event", resumed ? "resume" : "start"},
               {"model", manifest["model"]["name"]},
               {"ranks", dpcrt_session_ranks(session.get())},
               {"threads", dpcrt_session_threads(session.get())},
               {"target", dpcrt_session_target(session.get())},
               {"steps", steps}};
  if (resumed) {
    line["step"] = from.step;
    line["checkpoint"] = from.path;
  }
  line["config"] = {{"compile", manifest["config"]}, {"run", options.config}};
  return metrics.write(line);
}

Status Run::run() {
  StopSignals signals;
  if (Status s = open(); !s.ok())
    return s;
  if (Status s = openSession(); !s.ok())
    return s;
  if (Status s = start(); !s.ok())
    return s;
  if (Status s = planSteps(); !s.ok())
    return s;
  if (stepsDone && stepsDone >= steps) {
    out << from.path << " is at step " << stepsDone << "; "
        << (options.steps ? "--steps asks for " : "the data is enough for ") << steps
        << " in all: nothing is left to train\n";
    return {};
  }
  residentAfterLoad = residentBytes();
  if (Status s = prepareOutputs(); !s.ok())
    return s;
  if (oversubscribed && !isTimed())
    err << dpcrt_session_ranks(session.get()) << " ranks share "
        << (options.device == "cuda"
                ? "one GPU"
                : std::to_string(dpcrt_session_threads(session.get())) + " threads")
        << ": times show that the program runs, not how fast it would be\n";
  if (!options.evalData.empty() && !dpcrt_artifact_has_entry(artifact.get(), "eval_step"))
    err << "the artifact has no eval_step: evaluating with train_step, which leaves the weights "
           "alone\n";
  return finish(train());
}

// Whether the step's result must be there before the next one is submitted: because what
// it leaves in memory is looked at.
bool Run::endsPipeline(uint64_t step) const {
  return !options.dump.empty() || (checkpoints.enabled() && checkpoints.due(step)) ||
         (!options.evalData.empty() && options.evalEvery && step % options.evalEvery == 0);
}

Status Run::submitSteps() {
  while (!underWay.full() && submitted < steps && !stops() &&
         (submitted == stepsDone || !endsPipeline(submitted))) {
    StepsUnderWay::Step step;
    step.number = submitted + 1;
    step.firstMicroBatch = cursor + (submitted - stepsDone) * microBatches;
    step.learningRate = rate.at(step.number);
    dpcrt_session_trace(session.get(), traced(step.number));
    anyTraced |= traced(step.number);
    auto request = sized<dpcrt_request>();
    request.clip_norm = options.clipNorm.value_or(INFINITY);
    request.halt_if_nonfinite = !options.skipNonfinite;
    request.stop_asked = StopSignals::asked();
    Status s = underWay.submit(std::move(step), request);
    dpcrt_session_trace(session.get(), 0);
    if (!s.ok())
      return s;
    ++submitted;
  }
  return {};
}

Status Run::train() {
  underWay.open(session.get(), batches, options.dump.empty() ? UINT_MAX : 1);
  submitted = stepsDone;
  while (stepsDone < steps) {
    Status unread = submitSteps();
    // What was submitted before data failed is trained with and told.
    if (underWay.empty() && !unread.ok())
      return unread;
    if (underWay.empty()) // asked to stop
      break;
    if (Status s = takeStep(); !s.ok()) {
      underWay.drain();
      return s;
    }
    // Several processes complete a checkpoint together, when all have written.
    if (world.isSpread())
      if (Status s = tellSaved(/*wait=*/false); !s.ok())
        return s;
    if (!underWay.empty() || !unread.ok())
      continue;
    uint64_t step = stepsDone;
    bool last = step == steps, stopped = stops() && !last;
    if (checkpoints.enabled() && (last || stopped || checkpoints.due(step)))
      if (Status s = save(step); !s.ok())
        return s;
    bool due = options.evalEvery && step % options.evalEvery == 0;
    if (!options.evalData.empty() && !stopped && (last || due))
      if (Status s = evaluate(step); !s.ok())
        return s;
  }
  // The run ends with its last checkpoint on the disk, or says that it is not.
  if (Status s = tellSaved(/*wait=*/true); !s.ok())
    return s;
  if (stepsDone == steps)
    return {};
  std::string kept = checkpoints.lastSaved() == stepsDone && stepsDone
                         ? "; " + checkpoints.pathOf(stepsDone) + " is where --resume auto goes on"
                         : "; nothing was kept";
  return error(Code::Stopped, "stopped on request after step ", stepsDone, " of ", steps, kept);
}

// A full disk costs the checkpoint, not the run: what was kept before is still there,
// and the next one is tried. Only the last one's failure is the run's.
Status Run::tellSaved(bool wait) {
  Status last;
  for (;;) {
    Status s;
    uint64_t step = checkpoints.told(session.get(), wait, s);
    if (!step)
      return s.ok() ? last : s;
    json line = {
        {"v", 1}, {"event", "checkpoint"}, {"step", step}, {"path", checkpoints.pathOf(step)}};
    Status failed =
        s.within("the checkpoint of step " + std::to_string(step) + " could not be kept");
    if (!s.ok())
      line["error"] = s.message();
    const bool isLast = wait || step == steps; // however soon it is heard of
    if (!s.ok() && !isLast)
      log.line(failed.message() +
               (checkpoints.lastSaved()
                    ? "; that of step " + std::to_string(checkpoints.lastSaved()) + " stays"
                    : "") +
               "; training goes on");
    if (isLast)
      last = failed;
    if (Status written = metrics.write(line); !written.ok())
      return written;
  }
}

Status Run::save(uint64_t step) {
  auto progress = sized<dpcrt_progress>();
  std::string config = json({{"compile", manifest["config"]}, {"run", options.config}})
                           .dump(-1, ' ', false, json::error_handler_t::replace);
  progress.cursor = cursor;
  progress.rows = batches.rows();
  progress.shuffled = from.shuffle.has_value();
  progress.shuffle = from.shuffle.value_or(0);
  progress.lr = lastRate;
  progress.config = config.c_str();
  if (Status s = checkpoints.save(session.get(), progress); !s.ok())
    return s.within("the checkpoint of step " + std::to_string(step));
  return tellSaved(/*wait=*/false);
}

bool Run::traced(uint64_t step) const {
  if (options.trace.empty())
    return false;
  auto [first, end] = options.traceSteps.value_or(std::pair(from.step + 1, from.step + 4));
  return step >= first && step < end;
}

Status Run::takeStep() {
  StepsUnderWay::Step step;
  dpcrt_result result;
  if (Status s = underWay.take(step, result); !s.ok())
    return s;
  stopAgreed |= result.stop_asked != 0;
  stepsDone = step.number;
  cursor = step.firstMicroBatch + microBatches;
  lastRate = step.learningRate;
  if (isTimed())
    result.loss = result.grad_norm = NAN; // nobody computed them
  lastLoss = result.loss;
  if (stepsDone == from.step + 1)
    firstLoss = result.loss;
  else
    fastest = std::min(fastest, result.seconds);
  losses.push_back(finite(result.loss));
  stepTimes.push_back(result.seconds);
  if (!options.dump.empty())
    if (Status s = writeDump(options.dump, stepsDone, session.get(), result, microBatches,
                             world.isFirst());
        !s.ok())
      return s;
  if (Status s = writeStepMetrics(step, result); !s.ok())
    return s;
  log.step(stepsDone, from.step + 1, steps, result.seconds,
           (isTimed() ? "" : "loss " + print("%.4f", result.loss) + "  ") +
               print("%.3f", result.seconds) + " s  " +
               (tokensPerStep > 0 ? print("%.0f tokens/s", tokensPerStep / result.seconds)
                                  : print("%.1f samples/s", samplesPerStep / result.seconds)));
  return isTimed() ? Status() : checkFinite(step, result);
}

// Where the next step is under way, memory is that one's. A run that goes on can look at what
// the host has; for one that stops, the steps behind were halted and the weights are as they
// were, so that the same step again gives the same.
std::string Run::findNonFinite(const StepsUnderWay::Step &step, const dpcrt_result &result) {
  if (underWay.empty())
    return firstNonFinite(world, artifact.get(), session.get(), step.inputs, result);
  if (options.skipNonfinite)
    return firstNonFiniteOfHost(world, artifact.get(), step.inputs, result);
  underWay.drain();
  auto request = sized<dpcrt_request>();
  request.skip_update = 1;
  request.first_micro_batch = step.firstMicroBatch;
  dpcrt_result again;
  if (Status s = runStep(session.get(), step.inputs, request, again); !s.ok())
    return "";
  return firstNonFinite(world, artifact.get(), session.get(), step.inputs, again);
}

Status Run::checkFinite(const StepsUnderWay::Step &step, const dpcrt_result &result) {
  std::string where = "step " + std::to_string(step.number) + ": ";
  if (result.sum_den == 0)
    log.line(where + "every label is ignored; the weights were left alone");
  if (!result.nonfinite) {
    skippedInRow = 0;
    return {};
  }
  std::string what = where + "the loss is " + print("%g", result.loss) + ", the gradient's norm " +
                     print("%g", result.grad_norm) + findNonFinite(step, result);
  if (!options.skipNonfinite)
    return error(Code::NonFinite, what,
                 "; the weights were left alone (--on-nonfinite skip goes on)");
  ++skippedInRow;
  if (options.skipLimit && skippedInRow > options.skipLimit)
    return error(Code::NonFinite, what, "; ", skippedInRow, " steps in a row had to be skipped");
  log.line(what + "; skipped");
  return {};
}

Status Run::writeStepMetrics(const StepsUnderWay::Step &step, const dpcrt_result &result) {
  if (!metrics.isOpen())
    return {};
  json peak = json::array();
  for (size_t rank = 0; rank < dpcrt_session_ranks(session.get()); ++rank)
    peak.push_back(dpcrt_session_arena_bytes(session.get(), rank));
  json line = {
      {"v", 1},
      {"step", step.number},
      {"samples", uint64_t(samplesPerMicroBatch) * cursor},
      {"loss", finite(result.loss)},
      {"grad_norm", finite(result.grad_norm)},
      {"lr", lastRate},
      {"step_s", result.seconds},
      {"samples_per_s", finite(samplesPerStep / result.seconds)},
      {"tokens_per_s", tokensPerStep > 0 ? finite(tokensPerStep / result.seconds) : json(nullptr)},
      {"bubble", oversubscribed ? json(nullptr) : finite(result.bubble)},
      {"data_wait_s", step.dataWait},
      {"peak_bytes", peak},
      {"nonfinite", result.nonfinite != 0}};
  return metrics.write(line);
}

Status Run::evaluate(uint64_t step) {
  std::optional<Evaluation> evaluation;
  EvaluationPlan plan{options.evalSteps, evalMicroBatches, manifest["loss"]["weighting"]};
  if (Status s = evaluateMean(
          artifact.get(), session.get(), evalBatches, plan, [this] { return stops(); }, evaluation);
      !s.ok())
    return s.within("--eval-data, after step " + std::to_string(step));
  if (!evaluation)
    return {};
  json figures = {{"step", step}, {"loss", finite(evaluation->loss)}};
  std::string line = "step " + std::to_string(step) + "/" + std::to_string(steps) +
                     "  held-out loss " + print("%.4f", evaluation->loss);
  for (auto &[name, value] : evaluation->outputs) {
    figures["outputs"][name] = finite(value);
    line += "  " + Evaluation::shown(name) + " " + print("%.4f", value);
  }
  evaluations.push_back(figures);
  log.line(line);
  json metric = {{"v", 1}, {"event", "eval"}};
  metric.update(figures);
  return metrics.write(metric);
}

Status Run::writeReport(const Status &status) {
  json arenas = json::array();
  for (size_t rank = 0; rank < dpcrt_session_ranks(session.get()); ++rank)
    arenas.push_back(dpcrt_session_arena_bytes(session.get(), rank));
  json report = {{"format_version", "1.0"},
                 {"model", manifest["model"]},
                 {"steps", stepsDone},
                 {"first_step", from.step + 1},
                 {"losses", losses},
                 {"step_s", stepTimes},
                 {"evaluations", evaluations},
                 {"checkpoint", checkpoints.lastSaved()
                                    ? json(checkpoints.pathOf(checkpoints.lastSaved()))
                                    : json(nullptr)},
                 {"arena_bytes", arenas},
                 {"peak_bytes", arenas},
                 {"scratch_bytes", dpcrt_session_scratch_bytes(session.get())},
                 {"resident_bytes",
                  {{"at_start", residentAtStart},
                   {"after_load", residentAfterLoad},
                   {"peak", peakResidentBytes()}}},
                 {"ranks", dpcrt_session_ranks(session.get())},
                 {"threads", dpcrt_session_threads(session.get())},
                 {"target", dpcrt_session_target(session.get())},
                 {"config", {{"compile", manifest["config"]}, {"run", options.config}}},
                 {"status", status.exitStatus()}};
  if (std::string order = dpcrt_session_order(session.get()); !order.empty())
    report["order"] = order;
  if (isTimed())
    report["virtual_clock"] = {{"factor", dpcrt_session_clock_factor(session.get())}};
  if (manifest.contains("forecast")) {
    report["forecast"] = manifest["forecast"];
    report["forecast"].erase("timeline");
    report["forecast"].erase("costs");
  }
  return writeFileAtomically(options.report,
                             report.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

// Writes what a run leaves also when it was stopped or failed; the first error is
// the one that is returned.
Status Run::finish(const Status &ended) {
  log.clear();
  // All stop together, and find together what is not finite; anything else may have
  // happened to this process alone.
  if (!ended.ok() && ended.code() != Code::Stopped && ended.code() != Code::NonFinite)
    world.fail(ended);
  Status status = ended;
  auto keep = [&](const Status &s) {
    if (status.ok() && !s.ok())
      status = s;
  };
  keep(tellSaved(/*wait=*/true)); // of a run that failed meanwhile
  keep(fromC(dpcrt_session_check_order(session.get())));
  if (anyTraced)
    keep(fromC(dpcrt_session_write_trace(session.get(), options.trace.c_str())));
  keep(metrics.write({{"v", 1},
                      {"event", "end"},
                      {"step", stepsDone},
                      {"loss", finite(lastLoss)},
                      {"status", status.exitStatus()}}));
  if (!options.report.empty() && world.isFirst())
    keep(writeReport(status));
  if (!isTimed())
    keep(fromC(dpcrt_session_compare_holders(session.get())));
  if (!losses.empty()) {
    if (!from.path.empty())
      out << "steps " << from.step + 1 << " to " << stepsDone;
    else
      out << stepsDone << " steps";
    if (!isTimed())
      out << ", loss " << print("%.6f", firstLoss) << " -> " << print("%.6f", lastLoss);
    if (std::isfinite(fastest))
      out << ", fastest step " << print("%.3f", fastest * 1e3) << " ms";
    if (!evaluations.empty() && !evaluations.back()["loss"].is_null())
      out << ", held-out loss " << print("%.6f", evaluations.back()["loss"].get<double>());
    out << "\n";
    if (checkpoints.lastSaved() && checkpoints.lastSaved() == stepsDone)
      out << "weights: " << checkpoints.pathOf(stepsDone)
          << " (dpc export writes them back into the model)\n";
  }
  return status;
}
} // namespace

int runCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err,
               bool terminal) {
  // Process 0 speaks for all, but for what goes wrong elsewhere.
  std::ostream nobody(nullptr);
  Launch launch;
  const bool isFirst = !findLaunch(readEnvironment(), "", launch).ok() || launch.rank == 0;
  RunOptions options;
  std::optional<int> ended;
  Status parsed =
      parseRunOptions(args, isFirst ? out : nobody, isFirst ? err : nobody, options, ended);
  if (ended)
    return *ended;
  RunWorld world;
  int status = runToStatus(
      "dpc run", out, err,
      [&] {
        Status s = parsed.ok() ? world.join(options) : parsed;
        if (s.ok())
          s = world.isFirst() ? Run(options, world, out, err, terminal).run()
                              : Run(options, world, nobody, nobody, false).run();
        return world.end(s, err);
      },
      [&] { return world.tells(); });
  if (world.isBroken()) {
    out.flush();
    err.flush();
    std::_Exit(status);
  }
  return status;
}

} // namespace dpcrt
