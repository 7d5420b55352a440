// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A step as pieces of work that take time after one another.
//
// The walk of Timeline.h fixes an order; this is what becomes of it in time once
// everything that a rank does is in it: streams take their own pieces in order,
// messages meet, gradients are reduced, weights updated. Pieces stand in an order
// in which each one's predecessors come first, so that one pass places them, and
// the chain that decides how long the step takes is found by going back from the
// last end.
#ifndef DPC_LIB_LOWERING_FORECAST_ACTIVITIES_H
#define DPC_LIB_LOWERING_FORECAST_ACTIVITIES_H

#include "../Plan/Timeline.h"

#include <string>
#include <vector>

namespace dpc::lowering {

/// A piece begins when another has ended, or a time after the other began: a
/// task's result is sent while the task still runs.
struct Dependence {
  unsigned activity = 0;
  double afterStart = -1; // below 0: after its end
};

struct Activity {
  enum Kind : uint8_t { Run, Message, Reduction, Other };
  Kind kind = Other;
  unsigned rank = 0;            // of a message: the sender
  unsigned destination = 0;     // of a message
  std::vector<unsigned> others; // of a reduction: its ranks but `rank`
  Task task;                    // of a run
  std::string name;             // of all others
  double seconds = 0;
  std::vector<Dependence> after;
  // Set by placeActivities.
  double start = 0, end = 0;
};

/// Sets start and end of each, in order; predecessors stand before.
void placeActivities(std::vector<Activity> &activities);

/// The moment that a dependence waits for; its activity has been placed.
double momentOf(const std::vector<Activity> &activities, const Dependence &dependence);

/// Part of the chain that decides when the step ends: of `activity` the time from
/// `start` to `end`. Each part begins where the one before it ends.
struct PathPart {
  unsigned activity = 0;
  double start = 0, end = 0;
};

/// From the beginning to the last end. Of several predecessors that end last the
/// first named one is taken.
std::vector<PathPart> findCriticalPath(const std::vector<Activity> &activities);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_FORECAST_ACTIVITIES_H
