#include "Oracle.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace dpc::schedule::test {

namespace {

using Place = std::pair<unsigned, size_t>; // rank, position

std::vector<Task> getTasks(const Action &action) {
  std::vector<Task> tasks = {action.first};
  if (action.second)
    tasks.push_back(*action.second);
  return tasks;
}

/// Where the result of a task's kind is made: an input half's also by a full
/// backward.
using Makers = std::map<std::tuple<Kind, unsigned, unsigned>, Place>;

Makers findMakers(const Table &table) {
  Makers makers;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (size_t i = 0; i < table.actions[rank].size(); ++i)
      for (const Task &task : getTasks(table.actions[rank][i])) {
        Kind kind = task.kind == Kind::Backward ? Kind::Input : task.kind;
        makers[{kind, task.stage, task.microBatch}] = {rank, i};
      }
  return makers;
}

/// The results that a task reads: kind and stage.
std::vector<std::pair<Kind, unsigned>> getReads(const Table &table, const Task &task) {
  unsigned s = task.stage;
  switch (task.kind) {
  case Kind::Forward:
    if (s == 0)
      return {};
    return {{Kind::Forward, s - 1}};
  case Kind::Weight: return {{Kind::Input, s}};
  case Kind::Input:
  case Kind::Backward:
    if (s + 1 == table.stages)
      return {{Kind::Forward, s}};
    return {{Kind::Forward, s}, {Kind::Input, s + 1}};
  }
  return {};
}

bool hasEveryTaskOnce(const Table &table) {
  std::map<std::tuple<Kind, unsigned, unsigned>, unsigned> times;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Action &action : table.actions[rank]) {
      for (const Task &task : getTasks(action)) {
        ++times[{task.kind, task.stage, task.microBatch}];
        if (table.rankOf(task.stage, task.microBatch) != rank)
          return false;
      }
      if (action.second && (action.first.kind != Kind::Forward || action.second->kind != Kind::Backward ||
                            action.first.microBatch == action.second->microBatch))
        return false;
    }
  for (unsigned s = 0; s < table.stages; ++s)
    for (unsigned m = 0; m < table.microBatches; ++m) {
      auto count = [&](Kind kind) { return times[{kind, s, m}]; };
      bool whole = count(Kind::Backward) == 1 && !count(Kind::Input) && !count(Kind::Weight);
      bool halves = !count(Kind::Backward) && count(Kind::Input) == 1 && count(Kind::Weight) == 1;
      if (count(Kind::Forward) != 1 || !(whole || halves))
        return false;
    }
  return true;
}

} // namespace

bool isLegal(const Table &table) {
  if (!hasEveryTaskOnce(table))
    return false;
  // Take away actions that wait for nothing until none is left.
  Makers makers = findMakers(table);
  std::map<Place, std::set<Place>> waits;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (size_t i = 0; i < table.actions[rank].size(); ++i) {
      std::set<Place> &mine = waits[{rank, i}];
      if (i)
        mine.insert({rank, i - 1});
      for (const Task &task : getTasks(table.actions[rank][i]))
        for (auto [kind, stage] : getReads(table, task))
          mine.insert(makers.at({kind, stage, task.microBatch}));
    }
  for (bool progress = true; progress;) {
    progress = false;
    for (auto it = waits.begin(); it != waits.end();) {
      auto &mine = it->second;
      for (auto before = mine.begin(); before != mine.end();)
        before = waits.count(*before) ? std::next(before) : mine.erase(before);
      progress |= mine.empty();
      it = mine.empty() ? waits.erase(it) : std::next(it);
    }
  }
  return waits.empty();
}

Times findTimes(const Table &table, const Costs &costs) {
  Makers makers = findMakers(table);
  double share = static_cast<double>(table.ranks) / table.stages;
  auto getDuration = [&](const Action &action) {
    if (action.second)
      return costs.pair * share;
    switch (action.first.kind) {
    case Kind::Forward: return costs.forward * share;
    case Kind::Backward: return (costs.input + costs.weight) * share;
    case Kind::Input: return costs.input * share;
    case Kind::Weight: return costs.weight * share;
    }
    return 0.0;
  };
  Times times;
  for (const std::vector<Action> &row : table.actions) {
    times.start.emplace_back(row.size(), 0.0);
    times.end.emplace_back();
    for (const Action &action : row)
      times.end.back().push_back(getDuration(action));
  }
  for (bool raised = true; raised;) {
    raised = false;
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      for (size_t i = 0; i < table.actions[rank].size(); ++i) {
        const Action &action = table.actions[rank][i];
        double start = i ? times.end[rank][i - 1] : 0;
        for (const Task &task : getTasks(action))
          for (auto [kind, stage] : getReads(table, task)) {
            auto [from, position] = makers.at({kind, stage, task.microBatch});
            start = std::max(start, times.end[from][position] + (from == rank ? 0 : costs.comm));
          }
        if (start > times.start[rank][i]) {
          times.start[rank][i] = start;
          times.end[rank][i] = start + getDuration(action);
          raised = true;
        }
      }
  }
  for (const std::vector<double> &row : times.end)
    if (!row.empty())
      times.makespan = std::max(times.makespan, row.back());
  for (const std::vector<Action> &row : table.actions) {
    double busy = 0, alive = 0, most = 0;
    for (const Action &action : row) {
      busy += getDuration(action);
      // A pair's forward is there before its backward frees anything.
      std::vector<Task> tasks = getTasks(action);
      for (const Task &task : tasks)
        alive += task.kind == Kind::Forward;
      most = std::max(most, alive);
      for (const Task &task : tasks)
        alive -= task.kind == Kind::Backward || task.kind == Kind::Weight;
    }
    times.idle.push_back(times.makespan - busy);
    times.peak.push_back(most * share);
  }
  return times;
}

} // namespace dpc::schedule::test
