// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a schedule means, once more and slowly: which tables are legal and when each
// action runs, from the rules alone. The library is held against this.
#ifndef DPC_TEST_UNIT_SCHEDULE_ORACLE_H
#define DPC_TEST_UNIT_SCHEDULE_ORACLE_H

#include "dpc/Schedule/core/Simulate.h"

#include <map>
#include <optional>
#include <vector>

namespace dpc::schedule::test {

/// Every task once, on its rank, a backward whole or in halves, pairs of a forward
/// and a full backward of two micro-batches, and an order of all actions in which
/// each follows its rank's previous one and what makes its inputs.
bool isLegal(const Table &table);

/// What a step leaves behind: of each stage and micro-batch, a number that stands for
/// its weight gradient, mixed from those of all that it was computed from.
using Effect = std::map<std::pair<unsigned, unsigned>, uint64_t>;

/// Does the tasks, each rank in its order, on numbers that stand for activations and
/// gradients. Nothing if the ranks cannot go on, a rank does a stage that it does not
/// hold for that micro-batch, does a task twice, or pairs a task with one that needs
/// it.
std::optional<Effect> carryOut(const Table &table);

struct Times {
  std::vector<std::vector<double>> start, end;
  double makespan = 0;
  std::vector<double> idle, spanIdle, peak, peakBytes;

  /// What an action reads, of each rank and position: where it is made, and when it
  /// is on the reader's rank.
  struct Read {
    unsigned rank;
    size_t position;
    double there;
  };
  std::vector<std::vector<std::vector<Read>>> reads;
};

/// The earliest times of a legal table: starts are raised until no rule asks for
/// more.
Times findTimes(const Table &table, const Costs &costs);

/// Whether a path is a chain of actions that lasts the whole makespan: from time 0
/// to the end, each the previous one of the next one's rank, or the maker of what
/// the next one reads and waited for.
bool isCritical(const Times &times, const std::vector<std::pair<unsigned, size_t>> &path);

} // namespace dpc::schedule::test

#endif // DPC_TEST_UNIT_SCHEDULE_ORACLE_H
