// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// List scheduling: an order made in time, each rank taking the best task it can do.
#ifndef DPC_LIB_SCHEDULE_SEARCH_SEARCHLIST_H
#define DPC_LIB_SCHEDULE_SEARCH_SEARCHLIST_H

#include "SearchProblem.h"

namespace dpc::schedule::searching {

/// What makes one task better than another. A task's worth is that of its kind and
/// lane, less the time the rank would wait for it.
struct Priorities {
  struct OfLane {
    double forward, input, weight, pair; // pair: of its forward with any backward
    unsigned limit;                      // most micro-batches alive
  };
  std::vector<OfLane> lanes;
  double impatience; // what waiting costs, per time
  double jitter;     // how much chance there is in each choice
  bool keepsPlace;   // a rank keeps room for one micro-batch of each of its lanes
  uint64_t seed;     // of the jitter
};

/// The usual ones, which are backwards before forwards before weight halves, moved by
/// chance.
Priorities drawPriorities(const Problem &problem, Random &random);
/// Some of them drawn anew or moved a little.
Priorities varyPriorities(const Problem &problem, Priorities priorities, Random &random);

class ListScheduler {
public:
  explicit ListScheduler(const Problem &problem);
  /// The makespan, infinite if the ranks get stuck for want of memory; writes the
  /// order.
  Score operator()(const Priorities &priorities, Order &order);

private:
  struct Choice {
    Step step;
    double start = kInfinity, worth = -kInfinity;
  };
  void choose(unsigned rank, const Priorities &priorities, Random &random);
  double carryOut(const Choice &choice);

  const Problem &problem;
  std::vector<double> forwardEnd, inputEnd;
  std::vector<unsigned> forwards, inputs, weights, alive, aliveOfRank;
  std::vector<double> clock;
  std::vector<Choice> choices;
  std::vector<double> forwardReady, inputReady; // of the rank's lanes; infinite if not known
};

} // namespace dpc::schedule::searching

#endif // DPC_LIB_SCHEDULE_SEARCH_SEARCHLIST_H
