// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RandomTable.h"

#include <algorithm>
#include <cmath>

namespace dpc::schedule::test {

namespace {
/// Extends a table by tasks whose inputs are there.
class Builder {
public:
  Builder(Random &random, Table &table)
      : random(random), table(table), done(table.stages * table.microBatches), split(done.size()) {
    for (size_t i = 0; i < split.size(); ++i)
      split[i] = random.oneIn(2);
  }

  void run() {
    for (;;) {
      std::vector<Task> ready;
      for (unsigned stage = 0; stage < table.stages; ++stage)
        for (unsigned m = 0; m < table.microBatches; ++m)
          addReady(stage, m, ready);
      if (ready.empty())
        return;
      place(ready[random.below(ready.size())], ready);
    }
  }

private:
  struct Done {
    bool forward = false, input = false, weight = false;
  };
  Done &at(unsigned stage, unsigned m) { return done[stage * table.microBatches + m]; }

  void addReady(unsigned stage, unsigned m, std::vector<Task> &ready) {
    Done &here = at(stage, m);
    bool isSplit = split[stage * table.microBatches + m];
    if (!here.forward) {
      if (stage == 0 || at(stage - 1, m).forward)
        ready.push_back({Kind::Forward, stage, m});
    } else if (!here.input) {
      if (stage + 1 == table.stages || at(stage + 1, m).input)
        ready.push_back({isSplit ? Kind::Input : Kind::Backward, stage, m});
    } else if (!here.weight) {
      ready.push_back({Kind::Weight, stage, m});
    }
  }

  void finish(const Task &task) {
    Done &here = at(task.stage, task.microBatch);
    here.forward |= task.kind == Kind::Forward;
    here.input |= task.kind == Kind::Input || task.kind == Kind::Backward;
    here.weight |= task.kind == Kind::Weight || task.kind == Kind::Backward;
  }

  void place(const Task &task, const std::vector<Task> &ready) {
    unsigned rank = table.rankOf(task.stage, task.microBatch);
    Action action{task, {}};
    if (task.kind == Kind::Forward && random.oneIn(2))
      for (const Task &other : ready)
        if (other.kind == Kind::Backward && other.microBatch != task.microBatch &&
            table.rankOf(other.stage, other.microBatch) == rank)
          action.second = other;
    table.actions[rank].push_back(action);
    finish(action.first);
    if (action.second)
      finish(*action.second);
  }

  Random &random;
  Table &table;
  std::vector<Done> done;
  std::vector<char> split;
};

Task *pickTask(Random &random, Action &action) {
  return action.second && random.oneIn(2) ? &*action.second : &action.first;
}
} // namespace

Table makeTable(Random &random) {
  Table table;
  table.name = "made-up";
  table.ranks = random.from(1, 4);
  table.stages = random.from(1, 6);
  table.microBatches = random.from(1, 6);
  table.actions.resize(table.ranks);
  unsigned first = 0;
  for (unsigned copies = table.microBatches > 1 ? random.from(1, 2) : 1; copies > 0; --copies) {
    Replica replica{
        first, copies == 1 ? table.microBatches : random.from(1, table.microBatches - 1), {}};
    for (unsigned stage = 0; stage < table.stages; ++stage)
      replica.rankOfStage.push_back(random.below(table.ranks));
    first = replica.endMicroBatch;
    table.replicas.push_back(replica);
  }
  Builder(random, table).run();
  return table;
}

Costs makeCosts(Random &random) {
  auto time = [&] { return random.below(17) / 4.0; };
  Costs costs{time(), time(), time(), 0, random.oneIn(2) ? time() : 0};
  double backward = costs.input + costs.weight, longer = std::max(costs.forward, backward);
  costs.pair = longer + (costs.forward + backward - longer) * random.below(5) / 4;
  return costs;
}

Costs makeStageCosts(Random &random, const Table &table) {
  Costs costs = makeCosts(random);
  auto quarters = [&](unsigned most) { return random.below(most + 1) / 4.0; };
  for (unsigned stage = 0; stage < table.stages; ++stage) {
    StageCosts stageCosts{
        quarters(16), quarters(16), quarters(16), quarters(16), quarters(16), quarters(40), 0};
    stageCosts.weightBytes = stageCosts.activationBytes * random.below(7) /
                             4; // an input half may keep more than it frees
    costs.stages.push_back(stageCosts);
  }
  // Also pairs that take less than their parts, or more: a user may write any number.
  if (random.oneIn(3))
    for (unsigned i = 0; i < table.stages * table.stages; ++i)
      costs.pairs.push_back(quarters(40));
  if (!random.oneIn(3))
    for (unsigned count = random.oneIn(3) ? 1 : table.ranks * table.ranks; count > 0; --count)
      costs.links.push_back(
          {quarters(8), random.oneIn(4) ? Link().bandwidth
                                        : std::ldexp(1.0, static_cast<int>(random.below(5)) - 2)});
  return costs;
}

const char *getName(Accident accident) {
  switch (accident) {
  case Accident::Swap:
    return "swap";
  case Accident::Drop:
    return "drop";
  case Accident::Duplicate:
    return "duplicate";
  case Accident::Retarget:
    return "retarget";
  case Accident::SplitPair:
    return "split a pair";
  case Accident::Move:
    return "move";
  }
  return "";
}

bool corrupt(Random &random, Table &table, Accident accident) {
  std::vector<Action> &row = table.actions[random.below(table.ranks)];
  if (row.empty())
    return false;
  unsigned i = random.below(row.size()), j = random.below(row.size());
  switch (accident) {
  case Accident::Swap:
    std::swap(row[i], row[j]);
    return i != j;
  case Accident::Drop:
    row.erase(row.begin() + i);
    return true;
  case Accident::Duplicate: {
    Action copy = row[i];
    row.insert(row.begin() + j, copy);
    return true;
  }
  case Accident::Retarget: {
    Task *task = pickTask(random, row[i]);
    switch (random.below(3)) {
    case 0:
      task->stage = random.below(table.stages);
      break;
    case 1:
      task->microBatch = random.below(table.microBatches);
      break;
    default:
      task->kind = static_cast<Kind>(random.below(4));
      break;
    }
    return true;
  }
  case Accident::SplitPair: {
    while (i < row.size() && !row[i].second)
      ++i;
    if (i == row.size())
      return false;
    Action second{*row[i].second, {}};
    row[i].second.reset();
    row.insert(row.begin() + random.from(i, i + 1), second);
    return true;
  }
  case Accident::Move: {
    Action moved = row[i];
    row.erase(row.begin() + i);
    std::vector<Action> &to = table.actions[random.below(table.ranks)];
    to.insert(to.begin() + random.below(to.size() + 1), moved);
    return true;
  }
  }
  return false;
}

} // namespace dpc::schedule::test
