// A schedule in time.
//
// Rules: a task starts when its rank's previous action has ended and its inputs
// are there. A pair starts when both its tasks can; a full backward and a pair
// yield all their results at their end. Messages take `comm` and occupy no
// compute. Costs are of one micro-batch through a device's share of the model, so
// with v stages a rank and copy each stage costs 1/v of them.
#ifndef DPC_SCHEDULE_SIMULATE_H
#define DPC_SCHEDULE_SIMULATE_H

#include "dpc/Schedule/Result.h"
#include "dpc/Schedule/Table.h"

namespace dpc::schedule {

/// Times in any one unit.
struct Costs {
  double forward = 1, input = 1, weight = 1;
  double pair = 3; ///< an overlapped forward and full backward
  double comm = 0; ///< a message between ranks
};

struct Simulation {
  double makespan = 0;
  std::vector<double> idle;                     ///< of each rank, out of the makespan
  std::vector<double> peakActivations;          ///< of each rank, in device shares of a micro-batch
  std::vector<std::vector<double>> start, end;  ///< of each rank's actions
  double lowerBound = 0;                        ///< no schedule with this placement is shorter
};

/// Fails if the ranks cannot go on; says where each of them waits.
Result<Simulation> simulate(const Table &table, const Costs &costs);

/// The bound for a placement: the time until a rank can begin plus its work, and
/// the longest chain of one micro-batch. With `pairs`, forwards may overlap
/// backwards.
double lowerBound(const Table &table, const Costs &costs, bool pairs);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_SIMULATE_H
