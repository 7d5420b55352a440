// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Event-driven walk of a schedule; see Timeline.h.
#include "Timeline.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace dpc::lowering {
namespace {

// When things are there: forward and input-half ends, arrivals of activations at
// ranks and of gradients at producers.
class Walk {
public:
  Walk(const TimelineProblem &problem)
      : problem(problem), next(problem.ranks, 0), free(problem.ranks, 0.0) {
    inEdges.resize(problem.stages);
    outEdges.resize(problem.stages);
    for (auto [i, edge] : enumerate(problem.edges)) {
      if (!edge.read)
        continue;
      inEdges[edge.consumer].push_back(i);
      outEdges[edge.producer].push_back(i);
    }
    timeline.busy.assign(problem.ranks, 0.0);
  }

  bool run(std::string &error) {
    size_t left = 0;
    for (auto &tasks : problem.tasks)
      left += tasks.size();
    while (left) {
      int best = -1;
      double bestStart = 0;
      for (unsigned rank = 0; rank < problem.ranks; ++rank) {
        std::optional<double> start = startOf(rank);
        if (start && (best < 0 || *start < bestStart)) {
          best = rank;
          bestStart = *start;
        }
      }
      if (best < 0) {
        error = stuck();
        return false;
      }
      place(best, bestStart);
      --left;
    }
    // Creation order breaks ties causally: a message is created by its producer's
    // run, a consumer's run after the message.
    std::stable_sort(timeline.items.begin(), timeline.items.end(),
                     [](const TimelineItem &a, const TimelineItem &b) { return a.time < b.time; });
    return true;
  }

  Timeline timeline;

private:
  static std::vector<std::pair<unsigned, const Edge &>> enumerate(const std::vector<Edge> &edges) {
    std::vector<std::pair<unsigned, const Edge &>> result;
    for (unsigned i = 0; i < edges.size(); ++i)
      result.push_back({i, edges[i]});
    return result;
  }

  using Key = std::pair<unsigned, unsigned>; // (edge or stage, micro-batch)

  // When the stages that a forward feeds have begun enough of what it made before.
  std::optional<double> readersReady(unsigned stage, unsigned microBatch) const {
    double ready = 0;
    if (!problem.firstOfReplica)
      return ready;
    unsigned first = problem.firstOfReplica(microBatch);
    for (unsigned edge : outEdges[stage]) {
      unsigned reader = problem.edges[edge].consumer, ahead = reader - stage + problem.spare;
      if (microBatch < first + ahead)
        continue;
      auto it = forwardStart.find({reader, microBatch - ahead});
      if (it == forwardStart.end())
        return std::nullopt;
      ready = std::max(ready, it->second);
    }
    return ready;
  }

  std::optional<double> forwardReady(unsigned stage, unsigned microBatch) const {
    std::optional<double> readers = readersReady(stage, microBatch);
    if (!readers)
      return std::nullopt;
    double ready = *readers;
    for (unsigned edge : inEdges[stage]) {
      auto it = activation.find({edge, microBatch});
      if (it == activation.end())
        return std::nullopt;
      ready = std::max(ready, it->second);
    }
    return ready;
  }
  std::optional<double> inputReady(unsigned stage, unsigned microBatch) const {
    auto own = forwardEnd.find({stage, microBatch});
    if (own == forwardEnd.end())
      return std::nullopt;
    double ready = own->second;
    for (unsigned edge : outEdges[stage]) {
      if (!problem.edges[edge].gradient)
        continue;
      auto it = gradient.find({edge, microBatch});
      if (it == gradient.end())
        return std::nullopt;
      ready = std::max(ready, it->second);
    }
    return ready;
  }

  std::optional<double> startOf(unsigned rank) const {
    if (next[rank] == problem.tasks[rank].size())
      return std::nullopt;
    const Task &task = problem.tasks[rank][next[rank]];
    std::optional<double> ready;
    switch (task.kind) {
    case Task::Forward:
      ready = forwardReady(task.stage, task.microBatch);
      break;
    case Task::Input:
      ready = inputReady(task.stage, task.microBatch);
      break;
    case Task::Weight: {
      auto it = inputEnd.find({task.stage, task.microBatch});
      if (it != inputEnd.end())
        ready = it->second;
      break;
    }
    case Task::Pair: {
      auto a = forwardReady(task.stage, task.microBatch);
      auto b = inputReady(task.pairStage, task.pairMicroBatch);
      if (a && b)
        ready = std::max(*a, *b);
      break;
    }
    }
    if (!ready)
      return std::nullopt;
    return std::max(*ready, free[rank]);
  }

  double arrival(double from, int64_t bytes) const {
    return from + problem.latency + (problem.bandwidth > 0 ? bytes / problem.bandwidth : 0.0);
  }

  void finishForward(unsigned rank, unsigned stage, unsigned microBatch, double outputs,
                     double end) {
    forwardEnd[{stage, microBatch}] = end;
    std::map<std::pair<unsigned, unsigned>, double> sent; // (rank, output) -> arrival
    std::map<unsigned, std::vector<unsigned>> edgesTo; // rank -> first edges of what is sent to it
    for (unsigned edge : outEdges[stage]) {
      const Edge &e = problem.edges[edge];
      unsigned to = problem.rankOf(e.consumer, microBatch);
      if (to == rank) {
        activation[{edge, microBatch}] = end;
        continue;
      }
      auto [it, isNew] = sent.try_emplace({to, e.output}, arrival(outputs, e.bytes));
      activation[{edge, microBatch}] = it->second;
      if (isNew)
        edgesTo[to].push_back(edge);
    }
    for (auto &[to, edges] : edgesTo) {
      for (unsigned edge : edges)
        message(rank, to, false, edge, microBatch, outputs, activation[{edge, microBatch}]);
      ++exchanges;
    }
  }
  void finishInput(unsigned rank, unsigned stage, unsigned microBatch, double inputGrads,
                   double end) {
    inputEnd[{stage, microBatch}] = end;
    std::map<unsigned, std::vector<unsigned>> edgesTo;
    for (unsigned edge : inEdges[stage]) {
      const Edge &e = problem.edges[edge];
      if (!e.gradient)
        continue;
      unsigned to = problem.rankOf(e.producer, microBatch);
      if (to == rank) {
        gradient[{edge, microBatch}] = end;
        continue;
      }
      gradient[{edge, microBatch}] = arrival(inputGrads, e.bytes);
      edgesTo[to].push_back(edge);
    }
    for (auto &[to, edges] : edgesTo) {
      for (unsigned edge : edges)
        message(rank, to, true, edge, microBatch, inputGrads, gradient[{edge, microBatch}]);
      ++exchanges;
    }
  }
  void message(unsigned from, unsigned to, bool isGradient, unsigned edge, unsigned microBatch,
               double time, double end) {
    TimelineItem item;
    item.isMessage = true;
    item.time = time;
    item.end = end;
    item.rank = from;
    item.destination = to;
    item.isGradient = isGradient;
    item.edge = edge;
    item.microBatch = microBatch;
    item.exchange = exchanges;
    timeline.items.push_back(item);
  }

  void place(unsigned rank, double start) {
    const Task &task = problem.tasks[rank][next[rank]++];
    TimelineProblem::Duration duration = problem.duration(task);
    double end = start + duration.total;
    TimelineItem item;
    item.time = start;
    item.end = end;
    item.rank = rank;
    item.task = task;
    timeline.items.push_back(item);
    free[rank] = end;
    timeline.busy[rank] += duration.total;
    timeline.makespan = std::max(timeline.makespan, end);
    if (task.kind == Task::Forward || task.kind == Task::Pair)
      forwardStart[{task.stage, task.microBatch}] = start;
    switch (task.kind) {
    case Task::Forward:
      finishForward(rank, task.stage, task.microBatch, start + duration.outputs, end);
      break;
    case Task::Input:
      finishInput(rank, task.stage, task.microBatch, start + duration.inputGrads, end);
      break;
    case Task::Weight:
      break;
    case Task::Pair:
      finishForward(rank, task.stage, task.microBatch, start + duration.outputs, end);
      finishInput(rank, task.pairStage, task.pairMicroBatch, start + duration.inputGrads, end);
      break;
    }
  }

  std::string stuck() const {
    static const char *names[] = {"F", "I", "W", "F&B"};
    std::string text = "the schedule cannot go on:";
    for (unsigned rank = 0; rank < problem.ranks; ++rank)
      if (next[rank] < problem.tasks[rank].size()) {
        const Task &task = problem.tasks[rank][next[rank]];
        text += " rank " + std::to_string(rank) + " waits at " + names[task.kind] + " of stage " +
                std::to_string(task.stage) + ", micro-batch " + std::to_string(task.microBatch) +
                ";";
      }
    return text;
  }

  const TimelineProblem &problem;
  std::vector<std::vector<unsigned>> inEdges, outEdges;
  std::vector<size_t> next;
  std::vector<double> free;
  unsigned exchanges = 0;
  std::map<Key, double> activation, gradient, forwardStart, forwardEnd, inputEnd;
};

// Consecutive items: one run, or the messages of one exchange.
struct Unit {
  size_t first = 0, size = 1;
  bool isMerged = false;          // into a later unit
  std::optional<size_t> absorbed; // an earlier unit
};

class Merge {
public:
  explicit Merge(std::vector<TimelineItem> &items) : items(items) {
    for (size_t i = 0; i < items.size(); i += units.back().size) {
      units.push_back({i});
      while (items[i].isMessage && i + units.back().size < items.size() &&
             items[i + units.back().size].isMessage &&
             items[i + units.back().size].exchange == items[i].exchange)
        ++units.back().size;
    }
  }

  void run() {
    for (size_t u = 0; u < units.size(); ++u)
      if (std::optional<size_t> answer = findAnswer(u)) {
        units[u].isMerged = true;
        units[*answer].absorbed = u;
      }
    std::vector<TimelineItem> merged;
    for (const Unit &unit : units) {
      if (unit.isMerged)
        continue;
      if (unit.absorbed)
        for (const TimelineItem &item : itemsOf(units[*unit.absorbed])) {
          merged.push_back(item);
          merged.back().time = items[unit.first].time;
          merged.back().end = item.end + items[unit.first].time - item.time;
          merged.back().exchange = items[unit.first].exchange;
        }
      for (const TimelineItem &item : itemsOf(unit))
        merged.push_back(item);
    }
    items = std::move(merged);
  }

private:
  std::vector<TimelineItem> itemsOf(const Unit &unit) const {
    return {items.begin() + unit.first, items.begin() + unit.first + unit.size};
  }
  const TimelineItem &head(size_t u) const { return items[units[u].first]; }
  bool concerns(size_t u, unsigned rank) const {
    return head(u).rank == rank || (head(u).isMessage && head(u).destination == rank);
  }

  double arrival(size_t u, double departure) const {
    double last = departure;
    for (const TimelineItem &item : itemsOf(units[u]))
      last = std::max(last, departure + item.end - item.time);
    return last;
  }

  // The unit that goes the other way with nothing of either rank in between.
  std::optional<size_t> findAnswer(size_t u) const {
    const TimelineItem &there = head(u);
    if (!there.isMessage || units[u].absorbed)
      return std::nullopt;
    size_t v = u + 1;
    while (v < units.size() && !concerns(v, there.rank) && !concerns(v, there.destination))
      ++v;
    if (v == units.size())
      return std::nullopt;
    const TimelineItem &back = head(v);
    if (!back.isMessage || back.rank != there.destination || back.destination != there.rank)
      return std::nullopt;
    // A rank's exchanges follow each other: apart, the later one waits until the
    // earlier has arrived, together, the earlier waits for the later. That is the
    // better way where it delays the one by no more than it spares the other.
    double delay = back.time - there.time, spared = arrival(u, there.time) - back.time;
    if (delay <= spared)
      return v;
    // Else only where nobody waits for the earlier one then.
    double ready = std::max(arrival(u, back.time), arrival(v, back.time));
    bool here = false, yonder = false;
    for (size_t w = v + 1; w < units.size() && !(here && yonder); ++w) {
      if (head(w).isMessage)
        continue;
      bool &seen = head(w).rank == there.rank ? here : yonder;
      if (head(w).rank != there.rank && head(w).rank != there.destination)
        continue;
      if (!seen && head(w).time < ready)
        return std::nullopt;
      seen = true;
    }
    return v;
  }

  std::vector<TimelineItem> &items;
  std::vector<Unit> units;
};

} // namespace

std::optional<Timeline> buildTimeline(const TimelineProblem &problem, std::string &error) {
  Walk walk(problem);
  if (!walk.run(error))
    return std::nullopt;
  Merge(walk.timeline.items).run();
  return std::move(walk.timeline);
}

} // namespace dpc::lowering
