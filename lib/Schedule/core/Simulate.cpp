// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Simulation of a table; rules in Simulate.h. An action's times follow from those
// before it, so that they come out the same along any order of the ranks: a link's
// messages are all sent by one rank, in the order of its actions. Where a rank's
// communications are serialised they do not, and the order is that of the ends of
// actions in the simulation without.
#include "dpc/Schedule/core/Simulate.h"

#include "Order.h"

#include <algorithm>
#include <unordered_map>

namespace dpc::schedule {
namespace {

// The messages of all ranks: when one that is sent at a time arrives.
class Messages {
public:
  Messages(const Table &table, const Costs &costs, Communications communications)
      : stages(table.stages), isSerialised(communications == Communications::Serialised) {
    std::unordered_map<uint64_t, unsigned> numbers; // of links, by (from, to)
    for (const Replica &replica : table.replicas)
      for (unsigned stage = 0; stage < stages; ++stage)
        for (bool isInput : {false, true}) {
          if (isInput ? stage == 0 : stage + 1 == stages) {
            routes.push_back({kLocal, 0, 0, 0});
            continue;
          }
          unsigned from = replica.rankOfStage[stage],
                   to = replica.rankOfStage[isInput ? stage - 1 : stage + 1];
          if (from == to) {
            routes.push_back({kLocal, 0, 0, 0});
            continue;
          }
          auto [known, isNew] =
              numbers.try_emplace((uint64_t)from * table.ranks + to, latency.size());
          Link link = costs.linkOf(from, to, table.ranks);
          if (isNew)
            latency.push_back(link.latency);
          StageCosts sizes = costs.of(stage, table.ranks, stages);
          routes.push_back({known->second,
                            (isInput ? sizes.gradientBytes : sizes.outputBytes) / link.bandwidth,
                            from, to});
        }
    freeAt.resize(isSerialised ? table.ranks : latency.size());
  }

  double arrival(unsigned replica, unsigned stage, bool isInput, double sent) {
    const Route &route = routes[2 * ((size_t)replica * stages + stage) + isInput];
    if (route.link == kLocal)
      return sent;
    if (isSerialised) {
      double &sender = freeAt[route.from], &receiver = freeAt[route.to];
      sender = receiver = std::max({sent, sender, receiver}) + route.time + latency[route.link];
      return receiver;
    }
    double &free = freeAt[route.link];
    free = std::max(free, sent) + route.time;
    return free + latency[route.link];
  }

private:
  static constexpr unsigned kLocal = ~0u;
  struct Route {
    unsigned link;
    double time; // that a message occupies it
    unsigned from, to;
  };
  unsigned stages;
  bool isSerialised;
  std::vector<Route> routes;   // of each replica, stage and direction
  std::vector<double> latency; // of each link
  std::vector<double> freeAt;  // each link, or the communications of each rank
};

class Simulator {
public:
  Simulator(const Table &table, const Costs &costs, Communications communications)
      : table(table), costs(costs), homes(table), messages(table, costs, communications) {
    size_t count = (size_t)table.stages * table.microBatches;
    forwardThere.resize(count);
    inputThere.resize(count);
    for (unsigned stage = 0; stage < table.stages; ++stage)
      stages.push_back(costs.of(stage, table.ranks, table.stages));
    ranks.resize(table.ranks);
    result.start.resize(table.ranks);
    result.end.resize(table.ranks);
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      result.start[rank].resize(table.actions[rank].size());
      result.end[rank].resize(table.actions[rank].size());
    }
  }

  Result<Simulation> run() {
    Order order(table);
    if (!order.walk([&](unsigned rank, size_t position, const Action &action) {
          perform(rank, position, action);
          performed.push_back({rank, position});
        }))
      return Result<Simulation>::failure(order.explain());
    return finish();
  }

  /// Along the ends of the actions of another simulation, ties as that one went: what
  /// an action needs has ended before it.
  Result<Simulation> runAlong(const Simulator &other, const Simulation &times) {
    performed = other.performed;
    std::stable_sort(performed.begin(), performed.end(), [&](const Place &a, const Place &b) {
      return times.end[a.first][a.second] < times.end[b.first][b.second];
    });
    for (auto [rank, position] : performed)
      perform(rank, position, table.actions[rank][position]);
    return finish();
  }

private:
  using Place = std::pair<unsigned, size_t>; // rank, position

  Simulation finish() {
    double share = (double)table.ranks / table.stages;
    for (const Rank &rank : ranks)
      result.makespan = std::max(result.makespan, rank.clock);
    for (unsigned r = 0; r < table.ranks; ++r) {
      const Rank &rank = ranks[r];
      result.idle.push_back(result.makespan - rank.busy);
      result.spanIdle.push_back(
          result.start[r].empty() ? 0 : rank.clock - result.start[r].front() - rank.busy);
      result.peakActivations.push_back(rank.most * share);
      result.peakBytes.push_back(rank.mostBytes);
    }
    result.lowerBound = lowerBound(table, costs, hasPairs);
    findCriticalPath();
    return std::move(result);
  }

  struct Rank {
    double clock = 0, busy = 0;
    unsigned alive = 0, most = 0;
    double bytes = 0, mostBytes = 0;
  };
  size_t index(unsigned stage, unsigned microBatch) const {
    return (size_t)stage * table.microBatches + microBatch;
  }

  // When what another stage makes for a task is on its rank; 0 if it needs nothing.
  double inputThereFor(const Task &task) const {
    size_t here = index(task.stage, task.microBatch);
    if (task.kind == Kind::Forward)
      return task.stage ? forwardThere[here - table.microBatches] : 0;
    if (task.kind == Kind::Weight || task.stage + 1 == table.stages)
      return 0;
    return inputThere[here + table.microBatches];
  }

  double duration(const Action &action) const {
    if (action.second)
      return costs.pairOf(action.first.stage, action.second->stage, table.ranks, table.stages);
    const StageCosts &stage = stages[action.first.stage];
    switch (action.first.kind) {
    case Kind::Forward:
      return stage.forward;
    case Kind::Input:
      return stage.input;
    case Kind::Weight:
      return stage.weight;
    case Kind::Backward:
      return stage.input + stage.weight;
    }
    return 0;
  }

  void send(const Task &task, double end) {
    if (task.kind == Kind::Weight)
      return;
    bool isInput = task.kind != Kind::Forward;
    std::vector<double> &there = isInput ? inputThere : forwardThere;
    there[index(task.stage, task.microBatch)] =
        messages.arrival(homes.replicaOf(task.microBatch), task.stage, isInput, end);
  }

  void perform(unsigned r, size_t position, const Action &action) {
    Rank &rank = ranks[r];
    double start = std::max(rank.clock, inputThereFor(action.first));
    if (action.second)
      start = std::max(start, inputThereFor(*action.second));
    double time = duration(action);
    rank.clock = start + time;
    rank.busy += time;
    result.start[r][position] = start;
    result.end[r][position] = rank.clock;
    // A pair's forward first: in sending, and in memory.
    send(action.first, rank.clock);
    keep(rank, action.first);
    if (action.second) {
      send(*action.second, rank.clock);
      keep(rank, *action.second);
      hasPairs = true;
    }
  }

  void keep(Rank &rank, const Task &task) const {
    const StageCosts &stage = stages[task.stage];
    switch (task.kind) {
    case Kind::Forward:
      rank.most = std::max(rank.most, ++rank.alive);
      rank.bytes += stage.activationBytes;
      rank.mostBytes = std::max(rank.mostBytes, rank.bytes);
      break;
    case Kind::Input: // may keep more for the weight half than it frees
      rank.bytes -= stage.activationBytes - stage.weightBytes;
      rank.mostBytes = std::max(rank.mostBytes, rank.bytes);
      break;
    case Kind::Weight:
      --rank.alive;
      rank.bytes -= stage.weightBytes;
      break;
    case Kind::Backward:
      --rank.alive;
      rank.bytes -= stage.activationBytes;
      break;
    }
  }

  // Back from the last end: to the rank's previous action where that ended last, else
  // to the maker of the input that was there last.
  void findCriticalPath() {
    unsigned rank = 0;
    while (rank < table.ranks && (result.end[rank].empty() || ranks[rank].clock < result.makespan))
      ++rank;
    if (rank == table.ranks)
      return; // nothing to do
    size_t position = result.end[rank].size() - 1;
    for (;;) {
      result.criticalPath.push_back({rank, position});
      double start = result.start[rank][position];
      if (start <= 0)
        break;
      if (position && result.end[rank][position - 1] == start) {
        --position;
        continue;
      }
      const Action &action = table.actions[rank][position];
      const Task &task =
          !action.second || inputThereFor(action.first) == start ? action.first : *action.second;
      bool isInput = task.kind != Kind::Forward;
      unsigned stage = isInput ? task.stage + 1 : task.stage - 1;
      rank = homes.rankOf(stage, task.microBatch);
      // It ended when its result was there, or a message's time before.
      const std::vector<double> &ends = result.end[rank];
      position = std::upper_bound(ends.begin(), ends.end(), start) - ends.begin() - 1;
      while (position < ends.size() &&
             !makes(table.actions[rank][position], isInput, stage, task.microBatch))
        --position; // past 0 only in a table that check would refuse
      if (position >= ends.size())
        break;
    }
    std::reverse(result.criticalPath.begin(), result.criticalPath.end());
  }
  static bool makes(const Action &action, bool isInput, unsigned stage, unsigned microBatch) {
    const Task &task = isInput && action.second ? *action.second : action.first;
    return task.stage == stage && task.microBatch == microBatch && task.kind != Kind::Weight &&
           (task.kind != Kind::Forward) == isInput;
  }

  const Table &table;
  const Costs &costs;
  Homes homes;
  Messages messages;
  std::vector<StageCosts> stages;
  // When the result of each stage and micro-batch is where it is read.
  std::vector<double> forwardThere, inputThere;
  std::vector<Rank> ranks;
  std::vector<Place> performed; // in this order
  bool hasPairs = false;
  Simulation result;
};

} // namespace

Result<Simulation> simulate(const Table &table, const Costs &costs, Communications communications) {
  if (communications == Communications::Serialised)
    return simulatePlanned(table, costs, costs);
  return Simulator(table, costs, communications).run();
}

Result<Simulation> simulatePlanned(const Table &table, const Costs &costs, const Costs &planned) {
  Simulator independent(table, planned, Communications::Independent);
  Result<Simulation> plan = independent.run();
  if (!plan.ok())
    return plan;
  return Simulator(table, costs, Communications::Serialised).runAlong(independent, *plan);
}

} // namespace dpc::schedule
