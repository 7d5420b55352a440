// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The flags of dpc-run.
#pragma once
#include "program/format/Status.h"
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace dpcrt {

struct RunOptions {
  std::string artifact, data, evalData, initWeights, metrics, trace, dump, report;
  std::string device = "cpu", seedOrder, lrSchedule, transport;
  uint64_t epochs = 1, evalEvery = 0, evalSteps = 0;
  std::optional<uint64_t> steps, shuffle, seed, logEvery;
  bool virtualClock = false, cudaGraphs = false, checkMirrors = false;
  std::string clockTimes;         // "": the artifact's own
  std::string checkpoint, resume; // "": not given
  uint64_t checkpointEvery = 0;   // 0: only at the end
  std::optional<uint64_t> keep;
  std::optional<double> lr, clipNorm;
  std::vector<std::string> optimizerOptions, paramGroups;
  bool skipNonfinite = false;
  uint64_t skipLimit = 0;                                  // steps skipped in a row; 0: any number
  std::optional<std::pair<uint64_t, uint64_t>> traceSteps; // A:B, from 1, without B
  unsigned threads = 0;
  double timeoutSeconds = 300, launchTimeoutSeconds = 900, linkLatency = 0, linkBandwidth = 0;
  std::string config; // the flags as they were resolved, for metrics and reports
};

// Fills `out`; or prints what --help or --print-config ask for, or what is wrong with
// the flags, and sets the exit status with which the command has `ended`.
Status parseRunOptions(const std::vector<std::string> &args, std::ostream &print, std::ostream &err,
                       RunOptions &out, std::optional<int> &ended);

} // namespace dpcrt
