// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The whole step of all ranks in time.
//
// The walk (Timeline.h) lets every message go at once and ends with the last task.
// A program does more: a rank first fills its gradients with zero; its
// communication stream carries out one exchange after the other, and an exchange
// begins when both ranks have come to it and all that it sends is there; gradients
// are reduced bucket after bucket on a third stream; behind the tasks come the
// norm, which all ranks agree on, and the update. The forecast is of all this, with
// a core for each rank.
#ifndef DPC_LIB_LOWERING_FORECAST_REPLAY_H
#define DPC_LIB_LOWERING_FORECAST_REPLAY_H

#include "Activities.h"

namespace dpc::lowering {

/// What surrounds the tasks; times in seconds.
struct StepOverheads {
  struct Bucket {
    std::string name;
    std::vector<unsigned> holders; // ranks, ascending
    std::vector<unsigned> stages;  // whose weight halves add to it
    double reduce = 0;             // of its all-reduce; 0: there is none
    /// Per rank: the norm of what this rank counts of it.
    std::vector<double> norm;
  };
  std::vector<Bucket> buckets; // in the order in which they are reduced
  std::vector<double> zero;    // per rank: filling gradients
  std::vector<double> losses;  // per rank: summing what the losses divide by
  double agree = 0;            // the all-reduce of norm and losses; 0: there is none
  std::vector<double> update;  // per rank
  /// Seconds of adding up the gradients of an output that several stages read;
  /// 0 where at most one does.
  std::function<double(unsigned stage)> sum;
};

/// The step's activities, placed.
std::vector<Activity> replayStep(const TimelineProblem &problem, const Timeline &timeline,
                                 const StepOverheads &overheads);

/// `F0 m3`, `I2 m1`, `W2 m1`, `F1&B2 m4 m1`.
std::string taskName(const Task &task);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_FORECAST_REPLAY_H
