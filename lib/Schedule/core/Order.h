// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An order in which the ranks can go on: each does its actions one after the other,
// and each action finds its inputs made. Checks ask whether there is one, the
// simulator walks along it.
//
// Linear in the number of actions: a rank whose next action lacks an input is set
// aside and taken up again by what it waits for. A result has one reader on another
// rank, the next stage's forward or the backward of the stage before; so it is
// enough that each rank remembers the one result that it waits for.
#ifndef DPC_LIB_SCHEDULE_CORE_ORDER_H
#define DPC_LIB_SCHEDULE_CORE_ORDER_H

#include "dpc/Schedule/core/Table.h"

namespace dpc::schedule {

/// `Table::rankOf` for inner loops.
class Homes {
public:
  explicit Homes(const Table &table);
  unsigned replicaOf(unsigned microBatch) const { return replica[microBatch]; }
  unsigned rankOf(unsigned stage, unsigned microBatch) const {
    return rankOfStage[replica[microBatch]][stage];
  }

private:
  std::vector<unsigned> replica;             // of each micro-batch
  std::vector<const unsigned *> rankOfStage; // of each replica
};

class Order {
public:
  /// A table with every task once and on its rank.
  explicit Order(const Table &table);

  /// Calls `perform(rank, position, action)` for all actions. False if the ranks
  /// cannot go on, after as many as can be done.
  template <typename Perform> bool walk(Perform perform) {
    std::vector<unsigned> ready;
    for (unsigned rank = table.ranks; rank-- > 0;)
      ready.push_back(rank);
    size_t left = 0;
    for (const std::vector<Action> &row : table.actions)
      left += row.size();
    while (!ready.empty()) {
      unsigned rank = ready.back();
      ready.pop_back();
      const std::vector<Action> &row = table.actions[rank];
      for (size_t &position = next[rank]; position < row.size(); --left) {
        const Action &action = row[position];
        awaited[rank] = kNothing;
        if (!isReady(action.first, awaited[rank]) ||
            (action.second && !isReady(*action.second, awaited[rank])))
          break;
        perform(rank, position, action);
        ++position;
        finish(action.first, ready);
        if (action.second)
          finish(*action.second, ready);
      }
    }
    return left == 0;
  }

  /// After a walk that did not end: the ranks that wait for each other in a circle,
  /// from the one with the least number on.
  std::string explain() const;

private:
  // One line of it: what the rank waits for, which another one makes.
  std::string explain(unsigned waiter, unsigned maker) const;

  static constexpr size_t kNothing = ~size_t(0);
  size_t index(unsigned stage, unsigned microBatch) const {
    return (size_t)stage * table.microBatches + microBatch;
  }
  // Results are numbered: forwards even, backwards odd.
  static size_t forwardOf(size_t index) { return 2 * index; }
  static size_t inputOf(size_t index) { return 2 * index + 1; }

  bool isMade(size_t result, size_t &missing) const {
    if (made[result / 2] >> (result % 2) & 1)
      return true;
    missing = result;
    return false;
  }
  bool isReady(const Task &task, size_t &missing) const {
    size_t here = index(task.stage, task.microBatch);
    switch (task.kind) {
    case Kind::Forward:
      return task.stage == 0 || isMade(forwardOf(here - table.microBatches), missing);
    case Kind::Input:
    case Kind::Backward:
      return isMade(forwardOf(here), missing) &&
             (task.stage + 1 == table.stages ||
              isMade(inputOf(here + table.microBatches), missing));
    case Kind::Weight:
      return isMade(inputOf(here), missing);
    }
    return true;
  }
  void wake(unsigned stage, unsigned microBatch, size_t result, std::vector<unsigned> &ready) {
    unsigned rank = homes.rankOf(stage, microBatch);
    if (awaited[rank] != result)
      return;
    awaited[rank] = kNothing;
    ready.push_back(rank);
  }
  void finish(const Task &task, std::vector<unsigned> &ready) {
    size_t here = index(task.stage, task.microBatch);
    if (task.kind == Kind::Forward) {
      made[here] |= 1;
      if (task.stage + 1 < table.stages)
        wake(task.stage + 1, task.microBatch, forwardOf(here), ready);
    } else if (task.kind != Kind::Weight) {
      made[here] |= 2;
      if (task.stage > 0)
        wake(task.stage - 1, task.microBatch, inputOf(here), ready);
    }
  }

  const Table &table;
  Homes homes;
  std::vector<uint8_t>
      made; // of each stage and micro-batch: bit 0 the forward, bit 1 the input half
  std::vector<size_t> next;    // of each rank, the position of its next action
  std::vector<size_t> awaited; // of each rank, the result that action lacks
};

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_CORE_ORDER_H
