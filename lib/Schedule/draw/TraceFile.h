// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a trace of `dpc run --trace` says, read from the file. Traces come from outside:
// what is not of the expected type is skipped, not trusted.
#ifndef DPC_LIB_SCHEDULE_DRAW_TRACEFILE_H
#define DPC_LIB_SCHEDULE_DRAW_TRACEFILE_H

#include "dpc/Schedule/draw/Picture.h"

#include <map>
#include <set>

namespace dpc::schedule {

// One complete event, in milliseconds.
struct Event {
  unsigned rank = 0;
  int track = 0;
  double start = 0, end = 0;
  std::string name, category, before;
};

// How many ranks a run had, and on how many cores they could compute at one time; 0
// where the trace does not say.
struct Crowd {
  unsigned ranks = 0, cores = 0;
  unsigned pipelineRanks = 0; // fewer than `ranks` where experts have ranks of their own
  bool sharesCores() const { return cores > 0 && ranks > cores; }
};

struct Trace {
  std::set<std::pair<unsigned, int>> computeTracks; // those that are called so
  std::map<uint64_t, std::vector<Event>> steps;
  Crowd crowd;
  std::vector<StageBytes> stages; // none where the trace does not say
};

Result<Trace> readTrace(const std::string &path);

/// The action that a track calls `F0 m3` or `F0&B3 m3 m5` (a forecast's), or
/// `s0.forward m3` or `s0.forward+s3.backward m3 & m5` (a measured one's).
std::optional<Action> parseTaskName(const std::string &name);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_DRAW_TRACEFILE_H
