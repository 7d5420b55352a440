// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Order.h. Here: why the ranks cannot go on.
#include "Order.h"

#include "dpc/Schedule/core/Text.h"

#include <algorithm>

namespace dpc::schedule {

Homes::Homes(const Table &table) {
  replica.reserve(table.microBatches);
  for (unsigned r = 0; r < table.replicas.size(); ++r) {
    replica.resize(table.replicas[r].endMicroBatch, r);
    rankOfStage.push_back(table.replicas[r].rankOfStage.data());
  }
}

Order::Order(const Table &table)
    : table(table), homes(table), made((size_t)table.stages * table.microBatches),
      next(table.ranks), awaited(table.ranks, kNothing) {}

namespace {

constexpr size_t kMostShown = 12; // ranks of a circle

// Whether a task makes the forward or input half of that stage and micro-batch.
bool makes(const Task &task, bool isInput, unsigned stage, unsigned microBatch) {
  return task.stage == stage && task.microBatch == microBatch && task.kind != Kind::Weight &&
         (task.kind != Kind::Forward) == isInput;
}

} // namespace

std::string Order::explain() const {
  unsigned rank = 0, waiting = 0;
  auto waits = [&](unsigned r) { return next[r] < table.actions[r].size(); };
  for (unsigned r = table.ranks; r-- > 0;)
    if (waits(r)) {
      rank = r;
      ++waiting;
    }
  auto follow = [&](unsigned from) {
    size_t which = awaited[from] / 2;
    return homes.rankOf(which / table.microBatches, which % table.microBatches);
  };
  // From any rank that waits, on to the rank it waits for: sooner or later in a
  // circle, or to a rank that is through without what is waited for.
  std::vector<char> visited(table.ranks);
  for (; !visited[rank] && waits(follow(rank)); rank = follow(rank))
    visited[rank] = true;
  std::vector<unsigned> circle = {rank};
  for (unsigned r = follow(rank); r != rank && waits(r); r = follow(r))
    circle.push_back(r);
  std::rotate(circle.begin(), std::min_element(circle.begin(), circle.end()), circle.end());

  std::string text = circle.size() == 1 ? "a rank waits for itself" : "ranks wait for each other";
  if (!waits(follow(rank)))
    text = "a rank waits for what is never done";
  text +=
      ", and " + std::to_string(waiting) + " of " + std::to_string(table.ranks) + " cannot go on:";
  for (size_t i = 0; i < circle.size(); ++i) {
    if (i == kMostShown && circle.size() > kMostShown + 1) {
      text += "\n  ... and " + std::to_string(circle.size() - i) +
              " more, the last of which waits for rank " + std::to_string(circle[0]);
      break;
    }
    text += "\n  " + explain(circle[i], follow(circle[i]));
  }
  return text;
}

std::string Order::explain(unsigned waiter, unsigned maker) const {
  bool isInput = awaited[waiter] % 2;
  unsigned stage = awaited[waiter] / 2 / table.microBatches,
           microBatch = awaited[waiter] / 2 % table.microBatches;
  std::string text = "rank " + std::to_string(waiter) + ", position " +
                     std::to_string(next[waiter]) + ": " +
                     printAction(table.actions[waiter][next[waiter]]) + " waits for ";
  const std::vector<Action> &row = table.actions[maker];
  for (size_t position = next[maker]; position < row.size(); ++position)
    if (makes(row[position].first, isInput, stage, microBatch) ||
        (row[position].second && makes(*row[position].second, isInput, stage, microBatch)))
      return text + printAction(row[position]) + " at position " + std::to_string(position) +
             " of rank " + std::to_string(maker);
  return text + printTask({isInput ? Kind::Input : Kind::Forward, stage, microBatch}) +
         ", which rank " + std::to_string(maker) + " never does";
}

} // namespace dpc::schedule
