// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tasks and messages cost, in any one unit of time.
#ifndef DPC_SCHEDULE_CORE_COSTS_H
#define DPC_SCHEDULE_CORE_COSTS_H

#include "dpc/Schedule/core/Table.h"

#include <limits>
#include <vector>

namespace dpc::schedule {

/// One micro-batch through one stage.
struct StageCosts {
  double forward = 1, input = 1, weight = 1;
  double outputBytes = 0;     ///< the message of its forward to the next stage
  double gradientBytes = 0;   ///< the message of its backward to the stage before
  double activationBytes = 0; ///< kept from F to I, or B
  double weightBytes = 0;     ///< of these, what is kept on from I to W
};

/// From one rank to another.
struct Link {
  double latency = 0;
  double bandwidth = std::numeric_limits<double>::infinity(); ///< bytes in a unit of time
};

/// Either equal costs, of one micro-batch through a device's share of the model, so
/// that with v stages a rank and copy each stage costs 1/v of them; or the costs of
/// each stage.
struct Costs {
  double forward = 1, input = 1, weight = 1;
  double pair = 3; ///< an overlapped forward and full backward
  double comm = 0; ///< the latency of a message between two ranks; links take its place

  /// If not empty: of each stage, in place of forward, input and weight above. A
  /// pair then takes its forward and backward times pair / (forward + input +
  /// weight) of the above, unless `pairs` is given.
  std::vector<StageCosts> stages;
  /// If not empty: the time of a pair of stage a's forward and stage b's backward, at
  /// a * stages + b.
  std::vector<double> pairs;
  /// If not empty: one for every pair of ranks, or that of each pair, at
  /// from * ranks + to. Messages of a link go one after the other, in the order in
  /// which they are made: each occupies it for its bytes / bandwidth and arrives a
  /// latency later.
  std::vector<Link> links;

  /// The costs of a stage of a table with that many stages on that many ranks.
  StageCosts of(unsigned stage, unsigned ranks, unsigned stageCount) const;
  /// The time of an overlapped pair.
  double pairOf(unsigned forwardStage, unsigned backwardStage, unsigned ranks,
                unsigned stageCount) const;
  double duration(const Action &action, const Table &table) const;
  /// The link from one rank to another.
  Link linkOf(unsigned from, unsigned to, unsigned ranks) const;
};

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_COSTS_H
