// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is drawn: lanes of cells in time, what each rank waited for, and what it
// kept. A simulated schedule and a measured step make the same picture, and every
// renderer draws nothing else.
#ifndef DPC_SCHEDULE_DRAW_PICTURE_H
#define DPC_SCHEDULE_DRAW_PICTURE_H

#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/core/Table.h"

#include <optional>
#include <string>
#include <vector>

namespace dpc::schedule {

/// From a forecast: when the same cell was expected.
struct Expected {
  double start = 0, end = 0;
};

/// A box of a lane: one task, an overlapped pair, or work that is no task.
struct Cell {
  std::optional<Action> action; ///< none: other work, which has a name
  std::string name;
  double start = 0, end = 0;
  unsigned shade = 0, pairShade = 0; ///< which of the picture's shades each task has
  bool critical = false;             ///< on the critical path
  std::optional<Expected> expected;  ///< before any scaling
};

enum class Cause : uint8_t { Message, Core };

/// A stretch of time in which a rank did nothing and had something left to do.
struct Wait {
  double start = 0, end = 0;
  Cause cause = Cause::Message;
  /// The task whose result came last, and where it was made, if that is known.
  std::optional<Task> awaited;
  unsigned awaitedRank = 0;
  /// Otherwise what came behind the wait, in the words of the trace.
  std::string before;
};

/// From `time` on the rank keeps `value` device shares of a micro-batch's activations,
/// which are `bytes` where the bytes of stages are known.
struct Kept {
  double time = 0, value = 0, bytes = 0;
};

/// What a stage keeps of a micro-batch: from F to I or B, and from I on to W.
struct StageBytes {
  double activations = 0, forWeights = 0;
};

struct Lane {
  unsigned rank = 0;
  std::vector<Cell> cells; ///< by start
  std::vector<Wait> waits; ///< by start; those for a core may lie inside cells
  std::vector<Kept> kept;  ///< by time
  double idle = 0;         ///< out of the makespan
  double peak = 0, peakBytes = 0;
};

/// How far what was measured was off from a forecast, over the cells that both have.
struct LaneErrors {
  size_t cells = 0, unmatched = 0;
  double measured = 0, forecast = 0;        ///< sums of durations
  double durationError = 0, startError = 0; ///< means of absolute differences
};

struct Picture {
  std::string title;
  std::string unit; ///< of every time, such as ms; empty for the unit of the costs
  unsigned ranks = 0, stages = 0, microBatches = 0;
  unsigned pipelineRanks = 0;         ///< over which the stages lie, where that is not all ranks
  std::vector<StageBytes> stageBytes; ///< of every stage, or empty: not known
  double makespan = 0;
  double lowerBound = 0; ///< 0: not known
  /// Tasks of different shades belong to different copies of the model, or, with one
  /// copy, to different stages of a rank.
  unsigned shades = 1;
  bool shadesAreReplicas = false;
  std::vector<Lane> lanes;

  /// Of a forecast that lies beside a measured step: what its lanes are called, what
  /// the forecast's times were multiplied with, and the errors of each measured lane.
  std::string laneName;
  double factor = 1;
  std::vector<LaneErrors> errors;

  /// The share of all ranks' time in which they do nothing.
  double bubble() const;
};

/// What one page shows: schedules one above the other on one time axis, or a
/// measured step with its forecasts, rank by rank.
struct Drawing {
  std::vector<Picture> pictures;
  /// The lanes of a rank lie together: the first picture is a measured step, all
  /// others are forecasts of it.
  bool interleaved = false;
  /// The time that is shown; where a page can be zoomed, what it shows first.
  double from = 0, to = 0;
};

/// A schedule that was simulated with these costs.
Picture makePicture(const Table &table, const Costs &costs, const Simulation &simulation);

/// Of a picture whose cells, measured waits and sizes are set, and the bytes of stages
/// where they are known: shades, what waits
/// were for, what is kept, makespan and idle time. With `gaps`, every gap before a
/// cell becomes a wait for a message.
void completePicture(Picture &picture, bool gaps);

/// Schedules one above the other, shown whole.
Drawing stack(std::vector<Picture> pictures);

/// Reads a trace that `dpc run --trace` wrote: the step, measured, and its forecast
/// where the trace has one; where ranks shared cores, the forecast once more, stretched
/// to the length of the step. No step given: the last one traced.
Result<Drawing> loadTrace(const std::string &path, std::optional<uint64_t> step);

/// `0F3`, `(0F3&3B5)`, or the name.
std::string printCell(const Cell &cell);
/// What a wait was for, as `0F3 of rank 0`; empty if that is not known.
std::string printAwaited(const Wait &wait);
/// What the lane keeps at a time.
Kept keptAt(const Lane &lane, double time);
/// Shares, and bytes where they are known: `3 (12.3 MB)`.
std::string printKept(const Picture &picture, double shares, double bytes);
/// A time with its unit, without needless digits.
std::string printTime(double time, const std::string &unit = "");

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_DRAW_PICTURE_H
