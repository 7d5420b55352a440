// Event simulation of a table; rules in Simulate.h. Linear in the number of
// actions: a rank whose next action waits is woken by the task it waits for.
#include "dpc/Schedule/Simulate.h"

#include "dpc/Schedule/Text.h"

#include <algorithm>
#include <limits>

namespace dpc::schedule {
namespace {

constexpr double kNever = -1;

class Simulator {
public:
  Simulator(const Table &table, const Costs &costs) : table(table), costs(costs) {
    share = (double)table.ranks / table.stages;
    size_t count = (size_t)table.stages * table.microBatches;
    forwardEnd.assign(count, kNever);
    inputEnd.assign(count, kNever);
    waiting.resize(2 * count, kNobody);
    next.assign(table.ranks, 0);
    clock.assign(table.ranks, 0);
    result.idle.assign(table.ranks, 0);
    result.start.resize(table.ranks);
    result.end.resize(table.ranks);
  }

  Result<Simulation> run() {
    std::vector<unsigned> ready;
    for (unsigned rank = table.ranks; rank-- > 0;)
      ready.push_back(rank);
    while (!ready.empty()) {
      unsigned rank = ready.back();
      ready.pop_back();
      while (advance(rank, ready)) {
      }
    }
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      if (next[rank] < table.actions[rank].size())
        return Result<Simulation>::failure(stuck());
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      result.makespan = std::max(result.makespan, clock[rank]);
    bool pairs = false;
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      double busy = 0;
      for (size_t i = 0; i < table.actions[rank].size(); ++i) {
        busy += costs.duration(table.actions[rank][i], table);
        pairs |= table.actions[rank][i].second.has_value();
      }
      result.idle[rank] = result.makespan - busy;
      result.peakActivations.push_back(peak(rank));
    }
    result.lowerBound = lowerBound(table, costs, pairs);
    return std::move(result);
  }

private:
  static constexpr unsigned kNobody = ~0u;
  size_t index(unsigned stage, unsigned microBatch) const { return (size_t)stage * table.microBatches + microBatch; }

  // The time at which a result of another task is there, or the number of the
  // result that is missing.
  bool need(const std::vector<double> &ends, size_t which, bool isInput, unsigned stage, const Task &task, double &ready, size_t &missing) const {
    double end = ends[which];
    if (end == kNever) {
      missing = which + (isInput ? forwardEnd.size() : 0);
      return false;
    }
    bool crosses = table.rankOf(stage, task.microBatch) != table.rankOf(task.stage, task.microBatch);
    ready = std::max(ready, end + (crosses ? costs.comm : 0));
    return true;
  }
  bool inputs(const Task &task, double &ready, size_t &missing) const {
    unsigned s = task.stage, m = task.microBatch;
    switch (task.kind) {
    case Kind::Forward: return s == 0 || need(forwardEnd, index(s - 1, m), false, s - 1, task, ready, missing);
    case Kind::Input:
    case Kind::Backward:
      if (!need(forwardEnd, index(s, m), false, s, task, ready, missing))
        return false;
      return s + 1 == table.stages || need(inputEnd, index(s + 1, m), true, s + 1, task, ready, missing);
    case Kind::Weight: return need(inputEnd, index(s, m), true, s, task, ready, missing);
    }
    return true;
  }

  void finish(const Task &task, double end, std::vector<unsigned> &ready) {
    size_t i = index(task.stage, task.microBatch);
    auto wake = [&](size_t which) {
      if (waiting[which] != kNobody)
        ready.push_back(waiting[which]);
      waiting[which] = kNobody;
      // Two ranks can wait for one result (a neighbour's forward and the own
      // backward); the second registered itself as `alsoWaiting`.
      for (auto it = alsoWaiting.begin(); it != alsoWaiting.end();)
        if (it->first == which) {
          ready.push_back(it->second);
          it = alsoWaiting.erase(it);
        } else {
          ++it;
        }
    };
    if (task.kind == Kind::Forward) {
      forwardEnd[i] = end;
      wake(i);
    } else if (task.kind != Kind::Weight) {
      inputEnd[i] = end;
      wake(forwardEnd.size() + i);
    }
  }

  bool advance(unsigned rank, std::vector<unsigned> &ready) {
    if (next[rank] == table.actions[rank].size())
      return false;
    const Action &action = table.actions[rank][next[rank]];
    double start = clock[rank];
    size_t missing = 0;
    if (!inputs(action.first, start, missing) || (action.second && !inputs(*action.second, start, missing))) {
      if (waiting[missing] == kNobody)
        waiting[missing] = rank;
      else if (waiting[missing] != rank)
        alsoWaiting.push_back({missing, rank});
      return false;
    }
    double end = start + costs.duration(action, table);
    result.start[rank].push_back(start);
    result.end[rank].push_back(end);
    clock[rank] = end;
    ++next[rank];
    finish(action.first, end, ready);
    if (action.second)
      finish(*action.second, end, ready);
    return true;
  }

  double peak(unsigned rank) const {
    unsigned alive = 0, most = 0;
    for (const Action &action : table.actions[rank]) {
      alive += action.first.kind == Kind::Forward;
      most = std::max(most, alive);
      const Task &last = action.second ? *action.second : action.first;
      alive -= last.kind == Kind::Backward || last.kind == Kind::Weight;
    }
    return most * share;
  }

  std::string stuck() const {
    std::string text = "the ranks wait for each other:";
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      if (next[rank] == table.actions[rank].size())
        continue;
      const Action &action = table.actions[rank][next[rank]];
      double ready = 0;
      size_t missing = 0;
      if (inputs(action.first, ready, missing) && action.second)
        inputs(*action.second, ready, missing);
      bool isInput = missing >= forwardEnd.size();
      size_t which = missing - (isInput ? forwardEnd.size() : 0);
      Task awaited{isInput ? Kind::Input : Kind::Forward, (unsigned)(which / table.microBatches), (unsigned)(which % table.microBatches)};
      text += "\n  rank " + std::to_string(rank) + ", position " + std::to_string(next[rank]) + ": " + printAction(action) + " waits for " +
              printTask(awaited) + " on rank " + std::to_string(table.rankOf(awaited.stage, awaited.microBatch));
    }
    return text;
  }

  const Table &table;
  const Costs &costs;
  double share;
  std::vector<double> forwardEnd, inputEnd;
  std::vector<unsigned> waiting; // rank that waits for a forward, then for an input half
  std::vector<std::pair<size_t, unsigned>> alsoWaiting;
  std::vector<size_t> next;
  std::vector<double> clock;
  Simulation result;
};

} // namespace

double lowerBound(const Table &table, const Costs &costs, bool pairs) {
  std::vector<StageCosts> stages;
  std::vector<double> head; // forwards of the stages before
  double chain = 0, before = 0;
  for (unsigned stage = 0; stage < table.stages; ++stage) {
    stages.push_back(costs.of(stage, table.ranks, table.stages));
    head.push_back(before);
    before += stages.back().forward;
    chain += stages.back().forward + stages.back().input;
  }
  // One micro-batch, all the way; the weight half of stage 0 cannot come earlier.
  double bound = chain + stages[0].weight;
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    double work = 0, first = std::numeric_limits<double>::infinity();
    for (const Replica &replica : table.replicas)
      for (unsigned stage = 0; stage < table.stages; ++stage)
        if (replica.rankOfStage[stage] == rank) {
          double task = stages[stage].forward + stages[stage].input + stages[stage].weight;
          if (pairs)
            task = std::min(task, costs.pairOf(stage, stage, table.ranks, table.stages));
          work += (replica.endMicroBatch - replica.firstMicroBatch) * task;
          first = std::min(first, head[stage]);
        }
    if (work > 0)
      bound = std::max(bound, first + work);
  }
  return bound;
}

Result<Simulation> simulate(const Table &table, const Costs &costs) { return Simulator(table, costs).run(); }

} // namespace dpc::schedule
