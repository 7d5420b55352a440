// A schedule in time.
//
// Rules: a task starts when its rank's previous action has ended and its inputs
// are there. A pair starts when both its tasks can; a full backward and a pair
// yield all their results at their end. Messages occupy no compute.
#ifndef DPC_SCHEDULE_SIMULATE_H
#define DPC_SCHEDULE_SIMULATE_H

#include "dpc/Schedule/Costs.h"
#include "dpc/Schedule/Result.h"
#include "dpc/Schedule/Table.h"

namespace dpc::schedule {

struct Simulation {
  double makespan = 0;
  std::vector<double> idle;                     ///< of each rank, out of the makespan
  std::vector<double> spanIdle;                 ///< of each rank, between its first start and its last end
  std::vector<double> peakActivations;          ///< of each rank, in device shares of a micro-batch
  std::vector<double> peakBytes;                ///< of each rank; with the costs of stages, else 0
  std::vector<std::vector<double>> start, end;  ///< of each rank's actions
  double lowerBound = 0;                        ///< no schedule with this placement is shorter

  /// A chain of actions that lasts the whole makespan, each (rank, position) started
  /// by the one before: its rank's previous action, or the maker of its last input.
  std::vector<std::pair<unsigned, size_t>> criticalPath;
};

/// Fails if the ranks cannot go on; says where each of them waits. The table is one
/// that `check` finds nothing wrong with but that.
Result<Simulation> simulate(const Table &table, const Costs &costs);

/// The bound for a placement: the time until a rank can begin plus its work, and
/// the longest chain of one micro-batch. With `pairs`, forwards may overlap
/// backwards.
double lowerBound(const Table &table, const Costs &costs, bool pairs);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_SIMULATE_H
