// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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
  case Kind::Weight:
    return {{Kind::Input, s}};
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
      if (action.second &&
          (action.first.kind != Kind::Forward || action.second->kind != Kind::Backward ||
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

std::optional<Effect> carryOut(const Table &table) {
  // What there is: by kind, stage and micro-batch. A full backward makes an input
  // half and a weight half.
  std::map<std::tuple<Kind, unsigned, unsigned>, uint64_t> values;
  auto compute = [&](const Task &task, Kind kind, uint64_t &value) {
    value = (static_cast<uint64_t>(kind) << 40) + (static_cast<uint64_t>(task.stage) << 20) +
            task.microBatch + 1;
    for (auto [read, stage] : getReads(table, {kind, task.stage, task.microBatch})) {
      auto it = values.find({read, stage, task.microBatch});
      if (it == values.end())
        return false;
      value = (value ^ it->second) * 0x9e3779b97f4a7c15u;
      value ^= value >> 29;
    }
    return true;
  };
  std::vector<size_t> next(table.ranks);
  for (bool progress = true; progress;) {
    progress = false;
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      if (next[rank] == table.actions[rank].size())
        continue;
      // Both tasks of a pair read before either has written.
      std::vector<std::pair<std::tuple<Kind, unsigned, unsigned>, uint64_t>> made;
      bool canStart = true;
      for (const Task &task : getTasks(table.actions[rank][next[rank]])) {
        if (table.rankOf(task.stage, task.microBatch) != rank)
          return std::nullopt;
        Kind kind = task.kind == Kind::Backward ? Kind::Input : task.kind;
        uint64_t value = 0;
        canStart &= compute(task, kind, value);
        made.push_back({{kind, task.stage, task.microBatch}, value});
        if (task.kind == Kind::Backward)
          made.push_back({{Kind::Weight, task.stage, task.microBatch}, ~value});
      }
      if (!canStart)
        continue;
      for (auto &[name, value] : made) {
        // A weight half of its own comes to the same number as one of a full backward.
        if (auto input = values.find({Kind::Input, std::get<1>(name), std::get<2>(name)});
            std::get<0>(name) == Kind::Weight && input != values.end())
          value = ~input->second;
        if (!values.insert({name, value}).second)
          return std::nullopt;
      }
      ++next[rank];
      progress = true;
    }
  }
  Effect effect;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    if (next[rank] < table.actions[rank].size())
      return std::nullopt;
  for (const auto &[name, value] : values)
    if (auto [kind, stage, microBatch] = name; kind == Kind::Weight)
      effect[{stage, microBatch}] = value;
  return effect;
}

namespace {

/// What one micro-batch through one stage costs, from the words of Costs.h.
StageCosts getStage(const Table &table, const Costs &costs, unsigned stage) {
  if (!costs.stages.empty())
    return costs.stages[stage];
  double share = static_cast<double>(table.ranks) / table.stages;
  return {costs.forward * share, costs.input * share, costs.weight * share};
}

double getDuration(const Table &table, const Costs &costs, const Action &action) {
  StageCosts first = getStage(table, costs, action.first.stage);
  if (action.second) {
    if (!costs.pairs.empty())
      return costs.pairs[action.first.stage * table.stages + action.second->stage];
    StageCosts second = getStage(table, costs, action.second->stage);
    double equal = costs.forward + costs.input + costs.weight;
    if (costs.stages.empty())
      return costs.pair * table.ranks / table.stages;
    return (equal > 0 ? costs.pair / equal : 1) * (first.forward + second.input + second.weight);
  }
  switch (action.first.kind) {
  case Kind::Forward:
    return first.forward;
  case Kind::Backward:
    return first.input + first.weight;
  case Kind::Input:
    return first.input;
  case Kind::Weight:
    return first.weight;
  }
  return 0.0;
}

/// When results are on the reader's rank, by what is read and who reads it.
using Arrivals = std::map<std::tuple<Kind, unsigned, unsigned>, double>;

/// Sends what a rank's actions make, one after the other, at the ends found so far.
Arrivals findArrivals(const Table &table, const Costs &costs, const Times &times) {
  Arrivals arrivals;
  std::map<std::pair<unsigned, unsigned>, double> freeAt;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (size_t i = 0; i < table.actions[rank].size(); ++i)
      for (const Task &task : getTasks(table.actions[rank][i])) {
        bool isForward = task.kind == Kind::Forward;
        if (task.kind == Kind::Weight ||
            (isForward ? task.stage + 1 == table.stages : task.stage == 0))
          continue;
        unsigned to = table.rankOf(isForward ? task.stage + 1 : task.stage - 1, task.microBatch);
        double there = times.end[rank][i];
        if (to != rank && costs.links.empty()) {
          there += costs.comm;
        } else if (to != rank) {
          const Link &link =
              costs.links.size() == 1 ? costs.links[0] : costs.links[rank * table.ranks + to];
          StageCosts stage = getStage(table, costs, task.stage);
          double &free = freeAt[{rank, to}];
          free = std::max(free, there) +
                 (isForward ? stage.outputBytes : stage.gradientBytes) / link.bandwidth;
          there = free + link.latency;
        }
        arrivals[{isForward ? Kind::Forward : Kind::Input, task.stage, task.microBatch}] = there;
      }
  return arrivals;
}

/// The most that a rank holds, where F adds to it, and I and W, or B, take it away.
double getPeak(const std::vector<Action> &row, const std::vector<StageCosts> &stages,
               bool inBytes) {
  double held = 0, most = 0;
  for (const Action &action : row) {
    // A pair's forward is there before its backward frees anything.
    std::vector<Task> tasks = getTasks(action);
    for (const Task &task : tasks)
      if (task.kind == Kind::Forward)
        held += inBytes ? stages[task.stage].activationBytes : 1;
    most = std::max(most, held);
    for (const Task &task : tasks) {
      double all = inBytes ? stages[task.stage].activationBytes : 1,
             kept = inBytes ? stages[task.stage].weightBytes : 1;
      held -= task.kind == Kind::Input      ? all - kept
              : task.kind == Kind::Weight   ? kept
              : task.kind == Kind::Backward ? all
                                            : 0;
    }
    // An input half may keep more for its weight half than it frees.
    most = std::max(most, held);
  }
  return most;
}

} // namespace

Times findTimes(const Table &table, const Costs &costs) {
  Makers makers = findMakers(table);
  double share = static_cast<double>(table.ranks) / table.stages;
  Times times;
  for (const std::vector<Action> &row : table.actions) {
    times.start.emplace_back(row.size(), 0.0);
    times.end.emplace_back();
    times.reads.emplace_back(row.size());
    for (const Action &action : row)
      times.end.back().push_back(getDuration(table, costs, action));
  }
  for (bool raised = true; raised;) {
    raised = false;
    Arrivals arrivals = findArrivals(table, costs, times);
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      for (size_t i = 0; i < table.actions[rank].size(); ++i) {
        const Action &action = table.actions[rank][i];
        double start = i ? times.end[rank][i - 1] : 0;
        times.reads[rank][i].clear();
        for (const Task &task : getTasks(action))
          for (auto [kind, stage] : getReads(table, task)) {
            auto [from, position] = makers.at({kind, stage, task.microBatch});
            double there = stage == task.stage ? times.end[from][position]
                                               : arrivals.at({kind, stage, task.microBatch});
            times.reads[rank][i].push_back({from, position, there});
            start = std::max(start, there);
          }
        if (start > times.start[rank][i]) {
          times.start[rank][i] = start;
          times.end[rank][i] = start + getDuration(table, costs, action);
          raised = true;
        }
      }
  }
  for (const std::vector<double> &row : times.end)
    if (!row.empty())
      times.makespan = std::max(times.makespan, row.back());
  std::vector<StageCosts> stages;
  for (unsigned stage = 0; stage < table.stages; ++stage)
    stages.push_back(getStage(table, costs, stage));
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    const std::vector<Action> &row = table.actions[rank];
    double busy = 0;
    for (const Action &action : row)
      busy += getDuration(table, costs, action);
    times.idle.push_back(times.makespan - busy);
    times.spanIdle.push_back(
        row.empty() ? 0 : times.end[rank].back() - times.start[rank].front() - busy);
    times.peak.push_back(getPeak(row, stages, false) * share);
    times.peakBytes.push_back(getPeak(row, stages, true));
  }
  return times;
}

bool isCritical(const Times &times, const std::vector<std::pair<unsigned, size_t>> &path) {
  if (path.empty())
    return times.makespan == 0;
  auto [firstRank, firstPosition] = path.front();
  auto [lastRank, lastPosition] = path.back();
  if (times.start[firstRank][firstPosition] != 0 ||
      times.end[lastRank][lastPosition] != times.makespan)
    return false;
  for (size_t i = 1; i < path.size(); ++i) {
    auto [rank, position] = path[i];
    double start = times.start[rank][position];
    bool isCause =
        path[i - 1] == Place{rank, position - 1} && times.end[rank][position - 1] == start;
    for (const Times::Read &read : times.reads[rank][position])
      isCause |= path[i - 1] == Place{read.rank, read.position} && read.there == start;
    if (!isCause)
      return false;
  }
  return true;
}

} // namespace dpc::schedule::test
