// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a step is expected to take, in time and in memory; plain data.
#ifndef DPC_LOWERING_FORECAST_FORECAST_H
#define DPC_LOWERING_FORECAST_FORECAST_H

#include <cstdint>
#include <string>
#include <vector>

namespace dpc::lowering {

/// A stage on its own: planned seconds of its forward, its input half and its
/// weight half.
struct StageForecast {
  std::string name, body;
  double forward = 0, input = 0, weight = 0;
};

/// A fused pair: its planned seconds, those of its parts one after the other, and
/// what no order of its commands can go below.
struct PairForecast {
  unsigned stage = 0, backwardStage = 0;
  double seconds = 0, parts = 0, lowerBound = 0;
};

struct RankForecast {
  std::vector<unsigned> stages;                        ///< in any replica
  std::vector<std::pair<std::string, int64_t>> arenas; ///< those that are not empty
  int64_t bytes = 0;
  int64_t wholeBytes = 0, shardedBytes = 0; ///< without and with a sharded optimizer
  unsigned peakStashes = 0;
  double busy = 0; ///< seconds of its compute stream
  double fill = 0,
         drain = 0; ///< idle before its first task, and after its last one until the last rank's
};

/// Something that a rank does, for a timeline.
struct ForecastSpan {
  unsigned rank = 0;
  const char *stream = "compute"; ///< compute, comm or reduce
  std::string name;
  double start = 0, end = 0;
};

/// Part of the chain that decides how long the step takes.
struct ForecastPart {
  enum Kind { Task, Message, Reduction, Other } kind = Task;
  unsigned rank = 0, destination = 0; ///< of a message: the other rank
  std::string name;
  double start = 0, end = 0;
};

/// A step of another entry point than training.
struct EntryForecast {
  std::string name;
  double seconds = 0; ///< of its tasks and messages
  unsigned messages = 0;
  std::vector<int64_t> bytes; ///< per rank, of its arenas but the weights
};

struct StepForecast {
  std::string schedule;
  unsigned ranks = 0, microBatches = 0;
  double seconds = 0; ///< of the whole step, with a core for each rank
  double tasks = 0;   ///< until the last task has ended
  double bubble = 0;  ///< share of the ranks' time in which they compute nothing
  std::vector<StageForecast> stages;
  std::vector<PairForecast> pairs;
  std::vector<RankForecast> perRank;
  std::vector<ForecastSpan> spans;
  std::vector<ForecastPart> path;

  int64_t peakBytes() const; ///< of the rank that needs most
  int64_t peakBytes(bool isSharded) const;
};

} // namespace dpc::lowering

#endif // DPC_LOWERING_FORECAST_FORECAST_H
