// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measured and forecast times as Chrome trace events, for chrome://tracing and
// Perfetto: a process per rank, in it the forecast's tracks and one track per stream.
#pragma once
#include "executor/Plan.h"
#include "executor/Spans.h"
#include <nlohmann/json_fwd.hpp>

namespace dpcrt {

// What the times of a trace depend on beside the program: threads that computed at one
// time, all ranks together, and cores that the process could use.
struct TraceMachine {
  unsigned threads, cores;
};

// What was measured on some ranks, as JSON that stands for itself: processes give it to the
// one that writes. `plans`: of these ranks, what the spans' pointers belong to. Times are
// nanoseconds of the clock that all hosts share (CLOCK_REALTIME), as far as they do.
nlohmann::ordered_json measuredSpans(const std::vector<const RankPlan *> &plans,
                                     const std::vector<StreamSpans> &spans);

// `measured`: of all ranks, in their order. `forecast`: the manifest's,
// or null; its timeline is laid at the begin of each traced step, or where the one
// before it ends if that is later: a track's events must not overlap.
Status writeChromeTrace(const std::string &path,
                        const std::vector<nlohmann::ordered_json> &measured,
                        const nlohmann::ordered_json &forecast, const TraceMachine &machine);

} // namespace dpcrt
