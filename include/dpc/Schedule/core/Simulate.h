// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A schedule in time.
//
// Rules: a task starts when its rank's previous action has ended and its inputs
// are there. A pair starts when both its tasks can; a full backward and a pair
// yield all their results at their end, a pair its forward's first. Messages occupy
// no compute; those of one link follow each other (see Costs.h). On a device that runs
// each rank's communications one after another, so do all that a rank takes part in.
#ifndef DPC_SCHEDULE_CORE_SIMULATE_H
#define DPC_SCHEDULE_CORE_SIMULATE_H

#include "dpc/Schedule/core/Costs.h"
#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Table.h"

namespace dpc::schedule {

struct Simulation {
  double makespan = 0;
  std::vector<double> idle;            ///< of each rank, out of the makespan
  std::vector<double> spanIdle;        ///< of each rank, between its first start and its last end
  std::vector<double> peakActivations; ///< of each rank, in device shares of a micro-batch
  std::vector<double> peakBytes;       ///< of each rank; with the costs of stages, else 0
  std::vector<std::vector<double>> start, end; ///< of each rank's actions
  double lowerBound = 0;                       ///< no schedule with this placement is shorter

  /// A chain of actions that lasts the whole makespan, each (rank, position) started
  /// by the one before: its rank's previous action, or the maker of its last input.
  std::vector<std::pair<unsigned, size_t>> criticalPath;
};

enum class Communications : uint8_t {
  Independent, ///< of different links
  /// A message occupies the communications of both its ranks from its start until it
  /// has arrived. All messages have one order, which each rank keeps to: that in which
  /// they are made where communications are independent.
  Serialised
};

/// Fails if the ranks cannot go on; says which of them wait for each other. The table
/// is one that `check` finds nothing wrong with but that.
Result<Simulation> simulate(const Table &table, const Costs &costs,
                            Communications communications = Communications::Independent);

/// Serialised, where the one order of messages was planned with other costs: that in which
/// they are made with `planned` where communications are independent.
Result<Simulation> simulatePlanned(const Table &table, const Costs &costs, const Costs &planned);

/// The bound for a placement: the time until a rank can begin plus its work, or plus
/// its work but weight halves and what must follow it elsewhere; and the longest
/// chain of one micro-batch. With `pairs`, forwards may overlap backwards.
double lowerBound(const Table &table, const Costs &costs, bool pairs);

/// The least peak of activations of each rank, in device shares of a micro-batch, of
/// any schedule with a placement that takes `makespan`: as many are held on average
/// (Little's law) as come in a unit of time, times how long each must stay.
std::vector<double> activationFloor(const Table &table, const Costs &costs, bool pairs,
                                    double makespan);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_SIMULATE_H
