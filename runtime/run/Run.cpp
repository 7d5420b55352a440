// The training loop of dpc-run.
#include "run/Run.h"
#include "devices/Wait.h"
#include "run/Batches.h"
#include "run/InitWeights.h"
#include "run/Output.h"
#include "run/RunOptions.h"
#include "run/Update.h"
#include <cmath>
#include <csignal>
#include <cstdio>

namespace dpcrt {
using json = nlohmann::ordered_json;

namespace {
volatile std::sig_atomic_t stopAsked = 0;
void askToStop(int) { stopAsked = 1; }

// SIGTERM and SIGUSR1 end the run after the step, while this object lives.
class StopSignals {
public:
  StopSignals() {
    stopAsked = 0;
    struct sigaction action = {};
    action.sa_handler = askToStop;
    sigaction(SIGTERM, &action, &term);
    sigaction(SIGUSR1, &action, &usr1);
  }
  ~StopSignals() {
    sigaction(SIGTERM, &term, nullptr);
    sigaction(SIGUSR1, &usr1, nullptr);
  }

private:
  struct sigaction term, usr1;
};

std::string print(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

class Run {
public:
  Run(const RunOptions &options, std::ostream &out, std::ostream &err, bool terminal)
      : options(options), out(out), err(err), terminal(terminal) {}
  Status run();

private:
  Status open();
  Status prepareOutputs();
  Status train();
  Status oneStep(uint64_t step);
  Status checkFinite(uint64_t step, const dpcrt_result &result);
  Status evaluate(uint64_t step);
  Status writeStepMetrics(uint64_t step, const dpcrt_result &result, double dataWait);
  Status finish(const Status &ended);
  void showProgress(uint64_t step, const dpcrt_result &result);
  void clearLine();

  const RunOptions &options;
  std::ostream &out, &err;
  bool terminal;
  json manifest;
  ArtifactHandle artifact;
  SessionHandle session;
  Batches batches, evalBatches;
  LearningRate rate;
  MetricsFile metrics;
  uint64_t microBatches = 1, evalMicroBatches = 1, experts = 1;
  uint64_t steps = 0, stepsDone = 0, skippedInRow = 0;
  double samplesPerStep = 1, tokensPerStep = 0;
  bool oversubscribed = false, lineShown = false;
  uint64_t residentAtStart = 0, residentAfterLoad = 0;
  json losses = json::array(), stepTimes = json::array(), evaluations = json::array();
  double lastLoss = NAN, firstLoss = NAN, fastest = INFINITY;
};

Status Run::open() {
  residentAtStart = residentBytes();
  dpcrt_artifact *a = nullptr;
  if (Status s = fromC(dpcrt_artifact_open(options.artifact.c_str(), &a)); !s.ok())
    return s;
  artifact.reset(a);
  manifest = json::parse(dpcrt_artifact_manifest(a));
  experts = manifest["mesh"]["ep"];
  for (const json &entry : manifest["entry_points"]) {
    if (entry["name"] == "train_step")
      microBatches = entry["micro_batches"];
    if (entry["name"] == "eval_step")
      evalMicroBatches = entry["micro_batches"];
  }
  if (!dpcrt_artifact_has_entry(a, "eval_step"))
    evalMicroBatches = microBatches;
  auto perMicroBatch = [&](const char *key, double otherwise) {
    return manifest.contains(key) ? manifest[key].get<double>() : otherwise;
  };
  samplesPerStep = perMicroBatch("samples_per_micro_batch", 1) * double(microBatches * experts);
  tokensPerStep = perMicroBatch("tokens_per_micro_batch", 0) * double(microBatches * experts);
  if (Status s = LearningRate::make(options.lr, options.lrSchedule, options.steps, rate); !s.ok())
    return s;
  if (Status s = batches.open(options.data, a, microBatches, experts, options.epochs,
                              options.shuffle); !s.ok())
    return s;
  if (options.steps) {
    steps = *options.steps;
    if (Status s = batches.enoughFor(steps, options.data); !s.ok())
      return s;
  } else if (auto all = batches.steps()) {
    steps = *all;
    if (steps == 0)
      return batches.enoughFor(1, options.data);
  } else {
    return Status(Code::Usage, "the data has no end; --steps N says how long to train");
  }
  if (!options.evalData.empty())
    if (Status s = evalBatches.open(options.evalData, a, evalMicroBatches, experts, 0, {}); !s.ok())
      return s.within("--eval-data");
  if (options.evalData.empty() && (options.evalEvery || options.evalSteps))
    return Status(Code::Usage, "--eval-every and --eval-steps need --eval-data");
  if (!options.evalData.empty() && !options.evalSteps && !evalBatches.rows())
    return Status(Code::Usage, "--eval-data has no end; --eval-steps N says how much of it to take");
  if (options.trace.empty() && options.traceTo != RunOptions().traceTo)
    return Status(Code::Usage, "--trace-steps needs --trace FILE");

  auto so = sized<dpcrt_session_options>();
  so.device = options.device.c_str();
  so.threads = options.threads;
  so.link_latency_s = options.linkLatency;
  so.link_bandwidth = options.linkBandwidth;
  so.timeout_s = options.timeoutSeconds;
  so.seed = options.seed;
  dpcrt_session *s = nullptr;
  if (Status status = fromC(dpcrt_session_create(a, &so, &s)); !status.ok())
    return status;
  session.reset(s);
  if (Status status = applyUpdateOptions(a, s, manifest["optimizer"], options.lr,
                                         options.optimizerOptions, options.paramGroups);
      !status.ok())
    return status;
  oversubscribed = dpcrt_session_ranks(s) > dpcrt_session_threads(s);
  return options.initWeights.empty()
             ? Status()
             : initWeights(options.initWeights, options.artifact, a, s, err);
}

// Everything that can fail for the disk's sake fails before the first step.
Status Run::prepareOutputs() {
  if (!options.dump.empty())
    if (Status s = makeDirectories(options.dump); !s.ok())
      return s;
  for (const std::string &path : {options.report, options.trace}) {
    if (path.empty())
      continue;
    OutputFile probe; // leaves nothing behind
    if (Status s = probe.create(path); !s.ok())
      return s;
  }
  if (options.metrics.empty())
    return {};
  if (Status s = metrics.open(options.metrics); !s.ok())
    return s;
  json line = {{"v", 1}, {"event", "start"}, {"model", manifest["model"]["name"]},
               {"ranks", dpcrt_session_ranks(session.get())},
               {"threads", dpcrt_session_threads(session.get())}, {"steps", steps},
               {"config", {{"compile", manifest["config"]}, {"run", options.config}}}};
  return metrics.write(line);
}

Status Run::run() {
  if (Status s = open(); !s.ok())
    return s;
  residentAfterLoad = residentBytes();
  if (Status s = prepareOutputs(); !s.ok())
    return s;
  if (oversubscribed)
    err << dpcrt_session_ranks(session.get()) << " ranks share " << dpcrt_session_threads(session.get())
        << " threads: times show that the program runs, not how fast it would be\n";
  if (!options.evalData.empty() && !dpcrt_artifact_has_entry(artifact.get(), "eval_step"))
    err << "the artifact has no eval_step: evaluating with train_step, which leaves the weights alone\n";
  StopSignals signals;
  Status ended = train();
  return finish(ended);
}

Status Run::train() {
  for (uint64_t step = 0; step < steps; ++step) {
    if (Status s = oneStep(step); !s.ok())
      return s;
    bool last = step + 1 == steps || stopAsked;
    bool due = options.evalEvery && (step + 1) % options.evalEvery == 0;
    if (!options.evalData.empty() && (last || due))
      if (Status s = evaluate(step + 1); !s.ok())
        return s;
    if (stopAsked)
      return error(Code::Stopped, "stopped on request after step ", step + 1, " of ", steps);
  }
  return {};
}

Status Run::oneStep(uint64_t step) {
  int64_t begin = nowNs();
  std::vector<dpcrt_input> inputs;
  if (Status s = batches.read(step, inputs); !s.ok())
    return s;
  double dataWait = double(nowNs() - begin) * 1e-9;
  bool traced = !options.trace.empty() && step >= options.traceFrom && step < options.traceTo;
  dpcrt_session_trace(session.get(), traced);
  auto request = sized<dpcrt_request>();
  request.lr = rate.at(step);
  request.clip_norm = options.clipNorm.value_or(INFINITY);
  dpcrt_result result;
  if (Status s = runStep(session.get(), inputs, request, result); !s.ok())
    return s.within("step " + std::to_string(step));
  dpcrt_session_trace(session.get(), 0);
  stepsDone = step + 1;
  lastLoss = result.loss;
  if (step == 0)
    firstLoss = result.loss;
  else
    fastest = std::min(fastest, result.seconds);
  losses.push_back(finite(result.loss));
  stepTimes.push_back(result.seconds);
  if (!options.dump.empty())
    if (Status s = writeDump(options.dump, step, session.get(), result, microBatches); !s.ok())
      return s;
  if (Status s = writeStepMetrics(step, result, dataWait); !s.ok())
    return s;
  showProgress(step, result);
  return checkFinite(step, result);
}

Status Run::checkFinite(uint64_t step, const dpcrt_result &result) {
  if (result.sum_den == 0) {
    clearLine();
    err << "step " << step << ": every label is ignored; the weights were left alone\n";
  }
  if (!result.nonfinite) {
    skippedInRow = 0;
    return {};
  }
  std::string what = "the loss is " + print("%g", result.loss) + ", the gradient's norm " +
                     print("%g", result.grad_norm);
  if (!options.skipNonfinite)
    return error(Code::NonFinite, "step ", step, ": ", what,
                 "; the weights were left alone (--on-nonfinite skip goes on)");
  ++skippedInRow;
  if (options.skipLimit && skippedInRow > options.skipLimit)
    return error(Code::NonFinite, "step ", step, ": ", what, "; ", skippedInRow,
                 " steps in a row had to be skipped");
  clearLine();
  err << "step " << step << ": " << what << "; skipped\n";
  return {};
}

Status Run::writeStepMetrics(uint64_t step, const dpcrt_result &result, double dataWait) {
  if (!metrics.isOpen())
    return {};
  json peak = json::array();
  for (size_t rank = 0; rank < dpcrt_session_ranks(session.get()); ++rank)
    peak.push_back(dpcrt_session_arena_bytes(session.get(), rank));
  json line = {{"v", 1}, {"step", step + 1}, {"samples", uint64_t(samplesPerStep) * (step + 1)},
               {"loss", finite(result.loss)}, {"grad_norm", finite(result.grad_norm)},
               {"lr", rate.at(step)}, {"step_s", result.seconds},
               {"samples_per_s", finite(samplesPerStep / result.seconds)},
               {"tokens_per_s", tokensPerStep > 0 ? finite(tokensPerStep / result.seconds) : json(nullptr)},
               {"bubble", oversubscribed ? json(nullptr) : finite(result.bubble)},
               {"data_wait_s", dataWait}, {"peak_bytes", peak}, {"nonfinite", result.nonfinite != 0}};
  return metrics.write(line);
}

void Run::showProgress(uint64_t step, const dpcrt_result &result) {
  bool logged = options.logEvery && ((step + 1) % options.logEvery == 0 || step == 0);
  if (!terminal && !logged)
    return;
  std::string text = "step " + std::to_string(step + 1) + "/" + std::to_string(steps) + "  loss " +
                     print("%.4f", result.loss) + "  " + print("%.3f", result.seconds) + " s  " +
                     (tokensPerStep > 0 ? print("%.0f tokens/s", tokensPerStep / result.seconds)
                                        : print("%.1f samples/s", samplesPerStep / result.seconds));
  if (terminal)
    err << "\r\033[K" << text << (logged ? "\n" : "") << std::flush;
  else
    err << text << "\n";
  lineShown = terminal && !logged;
}

void Run::clearLine() {
  if (lineShown)
    err << "\n";
  lineShown = false;
}

Status Run::evaluate(uint64_t step) {
  uint64_t count = options.evalSteps;
  if (!count)
    count = std::max<uint64_t>(1, evalBatches.rows() / evalMicroBatches);
  double sum = 0, den = 0;
  std::string weighting = manifest["loss"]["weighting"];
  for (uint64_t i = 0; i < count; ++i) {
    std::vector<dpcrt_input> inputs;
    if (Status s = evalBatches.read(i, inputs); !s.ok())
      return s.within("--eval-data");
    auto request = sized<dpcrt_request>();
    request.kind = DPCRT_EVALUATE;
    dpcrt_result result;
    if (Status s = runStep(session.get(), inputs, request, result); !s.ok())
      return s.within("evaluation after step " + std::to_string(step));
    double weight = weighting == "sum" ? 1 : result.sum_den;
    sum += weight * result.loss;
    den += weight;
  }
  double loss = weighting == "sum" ? sum : den == 0 ? 0 : sum / den;
  evaluations.push_back({{"step", step}, {"loss", finite(loss)}});
  clearLine();
  err << "step " << step << "/" << steps << "  held-out loss " << print("%.4f", loss) << "\n";
  return metrics.write({{"v", 1}, {"event", "eval"}, {"step", step}, {"loss", finite(loss)}});
}

// Writes what a run leaves also when it was stopped or failed; the first error is
// the one that is returned.
Status Run::finish(const Status &ended) {
  clearLine();
  Status status = ended;
  auto keep = [&](const Status &s) {
    if (status.ok() && !s.ok())
      status = s;
  };
  if (!options.trace.empty() && stepsDone > options.traceFrom)
    keep(fromC(dpcrt_session_write_trace(session.get(), options.trace.c_str())));
  keep(metrics.write({{"v", 1}, {"event", "end"}, {"step", stepsDone}, {"loss", finite(lastLoss)},
                      {"status", status.exitStatus()}}));
  if (!options.report.empty()) {
    json arenas = json::array();
    for (size_t rank = 0; rank < dpcrt_session_ranks(session.get()); ++rank)
      arenas.push_back(dpcrt_session_arena_bytes(session.get(), rank));
    json report = {{"format_version", "1.0"}, {"model", manifest["model"]}, {"steps", stepsDone},
                   {"losses", losses}, {"step_s", stepTimes}, {"evaluations", evaluations},
                   {"arena_bytes", arenas}, {"peak_bytes", arenas},
                   {"scratch_bytes", dpcrt_session_scratch_bytes(session.get())},
                   {"resident_bytes", {{"at_start", residentAtStart}, {"after_load", residentAfterLoad},
                                       {"peak", peakResidentBytes()}}},
                   {"ranks", dpcrt_session_ranks(session.get())},
                   {"threads", dpcrt_session_threads(session.get())},
                   {"config", {{"compile", manifest["config"]}, {"run", options.config}}},
                   {"status", status.exitStatus()}};
    if (manifest.contains("forecast")) {
      report["forecast"] = manifest["forecast"];
      report["forecast"].erase("timeline");
      report["forecast"].erase("costs");
    }
    keep(writeFileAtomically(options.report, report.dump(1, ' ', false, json::error_handler_t::replace) + "\n"));
  }
  keep(fromC(dpcrt_session_compare_holders(session.get())));
  if (stepsDone) {
    out << stepsDone << " steps, loss " << print("%.6f", firstLoss) << " -> " << print("%.6f", lastLoss);
    if (std::isfinite(fastest))
      out << ", fastest step " << print("%.3f", fastest * 1e3) << " ms";
    if (!evaluations.empty() && !evaluations.back()["loss"].is_null())
      out << ", held-out loss " << print("%.6f", evaluations.back()["loss"].get<double>());
    out << "\n";
  }
  return status;
}
} // namespace

int runCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err,
               bool terminal) {
  RunOptions options;
  bool done = false;
  Status status = parseRunOptions(args, out, options, done);
  if (status.ok() && !done) {
    Run run(options, out, err, terminal);
    try {
      status = run.run();
    } catch (const std::bad_alloc &) {
      status = Status(Code::OutOfMemory, "out of memory");
    } catch (const std::exception &e) {
      status = Status(Code::Internal, std::string("internal error: ") + e.what());
    }
  }
  out.flush();
  if (!status.ok())
    err << "dpc run: " << status.message() << std::endl;
  return status.exitStatus();
}

} // namespace dpcrt
