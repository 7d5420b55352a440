// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line, by CLI11; a flag that is not here is refused as unknown.
#include "dpc-run/RunOptions.h"
#include "cli/CommandLine.h"
#include "dpc-run/Values.h"
#include "dpc-run/VirtualClock.h"
#include <algorithm>

namespace dpcrt {
namespace {
Status parseLink(const std::string &text, RunOptions &out) {
  for (auto &[key, value] : splitOptions(text)) {
    Status s = key == "latency"     ? parseDuration("--link latency", value, out.linkLatency)
               : key == "bandwidth" ? parseBandwidth("--link bandwidth", value, out.linkBandwidth)
                                    : error(Code::Usage, "--link: '", key,
                                            "' is not latency=TIME or bandwidth=RATE");
    if (!s.ok())
      return s;
  }
  return {};
}

Status parseNonfinite(const std::string &text, RunOptions &out) {
  double limit = 0;
  out.skipNonfinite = text != "stop";
  if (text == "stop" || text == "skip")
    return {};
  if (text.compare(0, 5, "skip:") == 0 && parseNumber("", text.substr(5), limit).ok() &&
      limit >= 1 && limit == double(uint64_t(limit))) {
    out.skipLimit = uint64_t(limit);
    return {};
  }
  return error(Code::Usage, "--on-nonfinite: '", text, "' is not stop, skip or skip:K");
}

Status parseRange(const std::string &text, RunOptions &out) {
  size_t colon = text.find(':');
  double from = 0, to = 0;
  if (colon == std::string::npos || !parseNumber("", text.substr(0, colon), from).ok() ||
      !parseNumber("", text.substr(colon + 1), to).ok() || from < 1 || to <= from ||
      from != double(uint64_t(from)) || to != double(uint64_t(to)))
    return error(Code::Usage, "--trace-steps: '", text,
                 "' is not A:B, two step numbers from 1 with A below B");
  out.traceSteps = {uint64_t(from), uint64_t(to)};
  return {};
}
} // namespace

Status parseRunOptions(const std::vector<std::string> &args, std::ostream &print, std::ostream &err,
                       RunOptions &out, std::optional<int> &ended) {
  CLI::App app("Trains with a compiled artifact.", "dpc run");
  std::string link, timeout = "300s", launchTimeout = "900s", nonfinite = "stop", traceSteps;
  std::string lr, clip;
  app.add_option("MODEL", out.artifact, "The artifact")->required();
  app.add_option(
         "--data", out.data,
         "FILE|GLOB.safetensors, tokens:GLOB.bin[,dtype=u8|u16|u32,inputs=NAME,labels=NAME,shift], "
         "synthetic[:SEED]")
      ->required();
  app.add_option("--shuffle", out.shuffle,
                 "Take the rows of each epoch in an order drawn from this seed");
  app.add_option("--epochs", out.epochs, "Times through the data; 0: for ever")
      ->capture_default_str();
  app.add_option("--eval-data", out.evalData, "Held-out data, as --data");
  app.add_option("--eval-every", out.evalEvery, "Steps between evaluations (only at the end)");
  app.add_option("--eval-steps", out.evalSteps, "Steps of one evaluation (all of its data)");
  app.add_option("--steps", out.steps,
                 "Steps to train in all; a resumed run goes on to there (as far as the data goes)");
  app.add_option("--lr", lr, "Learning rate");
  app.add_option("--lr-schedule", out.lrSchedule,
                 "warmup=STEPS,cosine|linear|constant,min=PART or FILE.csv of step,lr");
  app.add_option("--optimizer-option", out.optimizerOptions,
                 "weight_decay=,momentum=,beta1=,beta2=,eps=");
  app.add_option("--param-group", out.paramGroups, "GLOB:weight_decay=0,lr=0.1x (repeatable)");
  app.add_option("--clip-norm", clip, "Scale gradients down to this norm");
  app.add_option("--on-nonfinite", nonfinite, "stop, skip or skip:K (stop)");
  app.add_option("--seed", out.seed, "Seed of random operations (0)");
  app.add_option("--checkpoint", out.checkpoint,
                 "DIR: keep checkpoints there, and go on from the newest; none: keep nothing "
                 "(MODEL.checkpoints beside the artifact)");
  app.add_option("--checkpoint-every", out.checkpointEvery,
                 "Steps between checkpoints (only at the end, or when stopped)");
  app.add_option("--keep", out.keep, "Complete checkpoints that stay (3; 1 beside the artifact)")
      ->check(CLI::PositiveNumber);
  app.add_option("--resume", out.resume,
                 "auto: from the newest whole checkpoint in --checkpoint; never; or PATH of one "
                 "(auto with --checkpoint, else never)");
  app.add_option("--init-weights", out.initWeights,
                 "Start from these weights: a safetensors file, or the index of several");
  app.add_option("--metrics", out.metrics, "Write a JSON line per step");
  app.add_option(
      "--log-every", out.logEvery,
      "Log a line every this many steps; 0: none (if not on a terminal, every ten seconds)");
  app.add_option("--trace", out.trace, "Write Chrome trace events");
  app.add_option("--trace-steps", traceSteps,
                 "A:B, the steps to trace, counted from 1, without B (the run's first three)");
  app.add_option("--dump", out.dump,
                 "Write losses, gradients and weights of every step to this directory");
  app.add_option("--report", out.report, "Write losses, step times and memory as JSON");
  app.add_option(
      "--device", out.device,
      "cpu or cuda (the artifact's); virtual: queues and events on the CPU, in a drawn order");
  app.add_option("--seed-order", out.seedOrder,
                 "N[,policy=random|first|reverse|starve=QUEUE|delay=COMMAND]"
                 "[,messages=rendezvous|eager|serialised]: the order that --device virtual takes "
                 "(0); N[,policy=late|serial]: commands of --device cuda are late by drawn times, "
                 "or all its queues are one");
  app.add_flag(
      "--virtual-clock", out.virtualClock,
      "Let --device virtual take the times that the artifact forecasts, and compute nothing: "
      "how long a step of the real executor is");
  app.add_option(
      "--clock-times", out.clockTimes,
      "Other times for --virtual-clock: of another artifact MODEL.dpc, or a JSON file of "
      "costs as its manifest has, as --cost-from of dpc schedule");
  app.add_flag("--cuda-graphs", out.cudaGraphs,
               "Launch a step as one graph, captured at load, on a device that takes orders "
               "(virtual); steps that are traced are not");
  app.add_flag("--check-mirrors", out.checkMirrors,
               "Compare in every step the weights of all ranks that hold a parameter (mirrors, "
               "--dp); a difference ends the run before it is saved");
  app.add_option("--threads", out.threads,
                 "Threads that compute at one time, all ranks together (the cores)");
  app.add_option("--transport", out.transport,
                 "local, mpi:openmpi or mpi:mpich: what joins this process to the others of a "
                 "launcher (what launched it)");
  app.add_option("--timeout", timeout,
                 "Give up after this long without progress; 0s: never (300s)");
  app.add_option("--launch-timeout", launchTimeout,
                 "Give up if not all processes have come after this long; 0s: never (900s)");
  app.add_option(
      "--link", link,
      "latency=20us,bandwidth=10GB/s: emulate a slow link (of --virtual-clock: its link)");
  ended = parseCommandLine(app, args, print, err);
  if (ended)
    return {};
  auto optional = [](const std::string &flag, const std::string &text, std::optional<double> &to) {
    double value = 0;
    if (text.empty())
      return Status();
    Status s = parseNumber(flag, text, value);
    to = value;
    return s;
  };
  Status results[] = {
      optional("--lr", lr, out.lr),
      optional("--clip-norm", clip, out.clipNorm),
      parseNonfinite(nonfinite, out),
      parseDuration("--timeout", timeout, out.timeoutSeconds),
      parseDuration("--launch-timeout", launchTimeout, out.launchTimeoutSeconds),
      link.empty() ? Status() : parseLink(link, out),
      traceSteps.empty() ? Status() : parseRange(traceSteps, out),
  };
  for (const Status &s : results)
    if (!s.ok())
      return s;
  if (Status s = settleVirtualClock(out); !s.ok())
    return s;
  if (out.clipNorm && *out.clipNorm <= 0)
    return error(Code::Usage, "--clip-norm ", clip, ": a norm to clip to is positive");
  if (out.threads > 1024)
    return error(Code::Usage, "--threads ", out.threads, ": at most 1024");
  out.config = configText(app, false);
  return {};
}

} // namespace dpcrt
