// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Interleaves the commands of the two tasks of a pair.
//
// A stage's commands run on two resources: the cores (compute stream) and the
// links (collective stream). Run one after the other, a task's collectives leave
// the cores idle. Two independent tasks, a forward of one micro-batch and a
// backward of another, can each compute while the other communicates: this is
// what DualPipe's authors wrote by hand as overlapped_forward_backward, and what
// is derived here by list scheduling. Several priority rules are tried, each result
// is improved from both ends, the shortest wins, plain concatenation being one.
#ifndef DPC_LIB_LOWERING_PLAN_PAIRSCHEDULE_H
#define DPC_LIB_LOWERING_PLAN_PAIRSCHEDULE_H

#include <vector>

namespace dpc::lowering {

struct PairCommand {
  double seconds = 0;
  bool communication = false;
  /// Commands (of the same list, earlier ones) that must have ended.
  std::vector<unsigned> after;
};

struct PairSchedule {
  /// Commands in order of start; each resource takes its own in this order.
  std::vector<unsigned> order;
  /// Start and end of each command, by its number.
  std::vector<double> start, end;
  double makespan = 0;
};

/// Starts each command as soon as its resource and its predecessors allow, each
/// resource in the given order.
PairSchedule placeInOrder(const std::vector<PairCommand> &commands,
                          const std::vector<unsigned> &order);

/// The best order found. Commands are numbered so that 0..n-1 is a legal order
/// (forward, then input half, then weight half).
PairSchedule schedulePair(const std::vector<PairCommand> &commands);

/// No order is shorter: the longest chain; and for each resource, all of its
/// commands, what must come before the first and what must follow the last.
double pairLowerBound(const std::vector<PairCommand> &commands);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_PAIRSCHEDULE_H
