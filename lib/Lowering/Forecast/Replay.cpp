// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From the walk's sequence to activities; see Replay.h.
#include "Replay.h"

#include <algorithm>
#include <map>

namespace dpc::lowering {
namespace {

class Replay {
public:
  Replay(const TimelineProblem &problem, const Timeline &timeline, const StepOverheads &overheads)
      : problem(problem), timeline(timeline), overheads(overheads), compute(problem.ranks),
        comm(problem.ranks), reduce(problem.ranks) {
    inEdges.resize(problem.stages);
    outEdges.resize(problem.stages);
    for (unsigned i = 0; i < problem.edges.size(); ++i) {
      inEdges[problem.edges[i].consumer].push_back(i);
      outEdges[problem.edges[i].producer].push_back(i);
    }
  }

  std::vector<Activity> run() {
    for (unsigned rank = 0; rank < problem.ranks; ++rank)
      onCompute(rank, "zero gradients", overheads.zero[rank]);
    const std::vector<TimelineItem> &items = timeline.items;
    for (size_t i = 0; i < items.size();) {
      if (!items[i].isMessage) {
        addRun(items[i++]);
        continue;
      }
      size_t end = i + 1;
      while (end < items.size() && items[end].isMessage && items[end].exchange == items[i].exchange)
        ++end;
      addExchange(i, end);
      i = end;
    }
    addEnd();
    placeActivities(activities);
    return std::move(activities);
  }

private:
  using Key = std::pair<unsigned, unsigned>; // (edge or stage, micro-batch)

  unsigned add(Activity activity) {
    activities.push_back(std::move(activity));
    return activities.size() - 1;
  }
  // On a stream, behind what is on it already.
  static void follow(Activity &activity, const std::vector<unsigned> &stream) {
    for (unsigned earlier : stream)
      activity.after.push_back({earlier});
  }
  unsigned onCompute(unsigned rank, std::string name, double seconds) {
    Activity activity;
    activity.rank = rank;
    activity.name = std::move(name);
    activity.seconds = seconds;
    follow(activity, compute[rank]);
    unsigned number = add(std::move(activity));
    compute[rank] = {number};
    return number;
  }

  void addRun(const TimelineItem &item) {
    const Task &task = item.task;
    bool forward = task.kind == Task::Forward || task.kind == Task::Pair;
    bool backward = task.kind == Task::Input || task.kind == Task::Pair;
    unsigned back = task.kind == Task::Pair ? task.pairStage : task.stage;
    unsigned backMicroBatch = task.kind == Task::Pair ? task.pairMicroBatch : task.microBatch;
    std::vector<Dependence> arrivals;
    auto need = [&](const std::map<Key, unsigned> &there, Key key) {
      if (auto it = there.find(key); it != there.end())
        arrivals.push_back({it->second});
    };
    // What stays on the rank is ordered by its stream.
    if (forward)
      for (unsigned edge : inEdges[task.stage])
        need(activation, {edge, task.microBatch});
    if (backward) {
      for (unsigned edge : outEdges[back])
        need(gradient, {edge, backMicroBatch});
      if (double seconds = overheads.sum ? overheads.sum(back) : 0; seconds > 0) {
        unsigned sum = onCompute(item.rank, "sum of gradients", seconds);
        activities[sum].after.insert(activities[sum].after.end(), arrivals.begin(), arrivals.end());
      }
    }
    TimelineProblem::Duration duration = problem.duration(task);
    Activity run;
    run.kind = Activity::Run;
    run.rank = item.rank;
    run.task = task;
    run.seconds = duration.total;
    follow(run, compute[item.rank]);
    run.after.insert(run.after.end(), arrivals.begin(), arrivals.end());
    unsigned number = add(std::move(run));
    compute[item.rank] = {number};
    if (forward)
      outputs[{task.stage, task.microBatch}] = {number, duration.outputs};
    if (backward)
      inputGrads[{back, backMicroBatch}] = {number, duration.inputGrads};
    if (task.kind == Task::Weight || task.kind == Task::Pair)
      lastWeight[{item.rank, task.kind == Task::Pair ? task.pairStage : task.stage}] = number;
  }

  // Both ranks must have come to it, with all that either sends.
  void addExchange(size_t begin, size_t end) {
    const TimelineItem &head = timeline.items[begin];
    std::vector<Dependence> after;
    for (size_t i = begin; i < end; ++i) {
      const TimelineItem &item = timeline.items[i];
      const Edge &edge = problem.edges[item.edge];
      after.push_back(item.isGradient ? inputGrads.at({edge.consumer, item.microBatch})
                                      : outputs.at({edge.producer, item.microBatch}));
    }
    for (unsigned rank : {head.rank, head.destination})
      for (unsigned earlier : comm[rank])
        after.push_back({earlier});
    std::vector<unsigned> messages;
    for (size_t i = begin; i < end; ++i) {
      const TimelineItem &item = timeline.items[i];
      const Edge &edge = problem.edges[item.edge];
      Activity message;
      message.kind = Activity::Message;
      message.rank = item.rank;
      message.destination = item.destination;
      message.name = (item.isGradient ? "I" + std::to_string(edge.consumer)
                                      : "F" + std::to_string(edge.producer)) +
                     " m" + std::to_string(item.microBatch) + " to rank " +
                     std::to_string(item.destination);
      message.seconds =
          problem.latency + (problem.bandwidth > 0 ? edge.bytes / problem.bandwidth : 0.0);
      message.after = after;
      unsigned number = add(std::move(message));
      messages.push_back(number);
      if (item.isGradient) {
        gradient[{item.edge, item.microBatch}] = number;
        continue;
      }
      // One message serves all stages of that rank that read the output.
      for (unsigned other : outEdges[edge.producer])
        if (problem.edges[other].output == edge.output &&
            problem.rankOf(problem.edges[other].consumer, item.microBatch) == item.destination)
          activation[{other, item.microBatch}] = number;
    }
    comm[head.rank] = comm[head.destination] = messages;
  }

  // A piece that begins when all its ranks have come to it.
  unsigned addReduction(std::string name, const std::vector<unsigned> &ranks, double seconds,
                        std::vector<Dependence> after) {
    Activity reduction;
    reduction.kind = Activity::Reduction;
    reduction.rank = ranks.front();
    reduction.others.assign(ranks.begin() + 1, ranks.end());
    reduction.name = std::move(name);
    reduction.seconds = seconds;
    reduction.after = std::move(after);
    for (unsigned rank : ranks)
      follow(reduction, reduce[rank]);
    unsigned number = add(std::move(reduction));
    for (unsigned rank : ranks)
      reduce[rank] = {number};
    return number;
  }

  void addEnd() {
    std::vector<int> reduced;
    for (const StepOverheads::Bucket &bucket : overheads.buckets) {
      reduced.push_back(-1);
      if (bucket.reduce <= 0)
        continue;
      std::vector<Dependence> after;
      for (unsigned rank : bucket.holders)
        for (unsigned stage : bucket.stages)
          if (auto it = lastWeight.find({rank, stage}); it != lastWeight.end())
            after.push_back({it->second});
      reduced.back() =
          addReduction("reduce " + bucket.name, bucket.holders, bucket.reduce, std::move(after));
    }
    std::vector<unsigned> all;
    std::vector<Dependence> counted;
    for (unsigned rank = 0; rank < problem.ranks; ++rank) {
      onCompute(rank, "sum of weights", overheads.losses[rank]);
      for (size_t b = 0; b < overheads.buckets.size(); ++b) {
        const StepOverheads::Bucket &bucket = overheads.buckets[b];
        if (bucket.norm[rank] <= 0)
          continue;
        unsigned norm = onCompute(rank, "norm of " + bucket.name, bucket.norm[rank]);
        if (reduced[b] >= 0)
          activities[norm].after.push_back({(unsigned)reduced[b]});
      }
      all.push_back(rank);
      counted.push_back({compute[rank].front()});
    }
    if (overheads.agree > 0) {
      unsigned agreed = addReduction("agree on the norm", all, overheads.agree, counted);
      for (unsigned rank : all)
        compute[rank].push_back(agreed);
    }
    for (unsigned rank : all)
      onCompute(rank, "update", overheads.update[rank]);
  }

  const TimelineProblem &problem;
  const Timeline &timeline;
  const StepOverheads &overheads;
  std::vector<Activity> activities;
  std::vector<std::vector<unsigned>> inEdges, outEdges;
  std::vector<std::vector<unsigned>> compute, comm,
      reduce;                                    // per rank: what a stream's next piece waits for
  std::map<Key, unsigned> activation, gradient;  // messages
  std::map<Key, Dependence> outputs, inputGrads; // of runs, by (stage, micro-batch)
  std::map<Key, unsigned> lastWeight;            // by (rank, stage)
};

} // namespace

std::vector<Activity> replayStep(const TimelineProblem &problem, const Timeline &timeline,
                                 const StepOverheads &overheads) {
  return Replay(problem, timeline, overheads).run();
}

std::string taskName(const Task &task) {
  static const char *kinds[] = {"F", "I", "W"};
  std::string microBatch = " m" + std::to_string(task.microBatch);
  if (task.kind == Task::Pair)
    return "F" + std::to_string(task.stage) + "&B" + std::to_string(task.pairStage) + microBatch +
           " m" + std::to_string(task.pairMicroBatch);
  return kinds[task.kind] + std::to_string(task.stage) + microBatch;
}

} // namespace dpc::lowering
