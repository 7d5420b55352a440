// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SearchProblem.h.
#include "SearchProblem.h"

#include <algorithm>
#include <cmath>

namespace dpc::schedule::searching {

Problem::Problem(const Table &table, const Costs &costs, const std::vector<double> &capShares)
    : header(table) {
  header.actions.assign(header.ranks, {});
  unsigned stages = header.stages;
  lanesOf.resize(header.ranks);
  stride = 0;
  for (unsigned replica = 0; replica < header.replicas.size(); ++replica) {
    const Replica &copy = header.replicas[replica];
    unsigned count = copy.endMicroBatch - copy.firstMicroBatch;
    stride = std::max(stride, count);
    auto delay = [&](unsigned from, unsigned to, bool isForward) {
      unsigned source = copy.rankOfStage[from], target = copy.rankOfStage[to];
      if (source == target)
        return 0.0;
      // Messages that wait for one another on a link are left to the simulator.
      Link link = costs.linkOf(source, target, header.ranks);
      StageCosts sender = costs.of(from, header.ranks, stages);
      return link.latency +
             (isForward ? sender.outputBytes : sender.gradientBytes) / link.bandwidth;
    };
    for (unsigned stage = 0; stage < stages; ++stage) {
      StageCosts times = costs.of(stage, header.ranks, stages);
      unsigned id = lanes.size(), rank = copy.rankOfStage[stage];
      bool isFirst = stage == 0, isLast = stage + 1 == stages;
      lanes.push_back({stage, rank, count, copy.firstMicroBatch, isFirst ? kNone : id - 1,
                       isLast ? kNone : id + 1, times.forward, times.input, times.weight,
                       isFirst ? 0 : delay(stage - 1, stage, true),
                       isLast ? 0 : delay(stage + 1, stage, false)});
      lanesOf[rank].push_back(id);
    }
  }
  pairsGain = false;
  pairs.resize((size_t)stages * stages);
  for (unsigned a = 0; a < stages; ++a)
    for (unsigned b = 0; b < stages; ++b) {
      StageCosts front = costs.of(a, header.ranks, stages),
                 back = costs.of(b, header.ranks, stages);
      double &pair = pairs[(size_t)a * stages + b];
      pair = costs.pairOf(a, b, header.ranks, stages);
      pairsGain |= pair < front.forward + back.input + back.weight - kRounding;
    }
  double share = (double)header.ranks / stages;
  for (unsigned rank = 0; rank < header.ranks; ++rank) {
    double most = capShares.empty() ? kInfinity : std::floor(capShares[rank] / share + kRounding);
    unsigned all = 0; // micro-batches that can be alive at all
    for (unsigned lane : lanesOf[rank])
      all += lanes[lane].count;
    caps.push_back(most < all ? (unsigned)most : all);
  }
}

double Problem::duration(const Step &step) const {
  const Lane &lane = lanes[step.lane];
  switch (step.kind) {
  case Step::Forward:
    return lane.forward;
  case Step::Input:
    return lane.input;
  case Step::Weight:
    return lane.weight;
  case Step::Pair:
    return pair(step.lane, step.other);
  }
  return 0;
}

Order encode(const Table &table) {
  Order order(table.ranks);
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Action &action : table.actions[rank]) {
      auto laneOf = [&](const Task &task) {
        return table.replicaOf(task.microBatch) * table.stages + task.stage;
      };
      unsigned lane = laneOf(action.first);
      if (action.second) {
        order[rank].push_back({Step::Pair, lane, laneOf(*action.second)});
        continue;
      }
      switch (action.first.kind) {
      case Kind::Forward:
        order[rank].push_back({Step::Forward, lane, kNone});
        break;
      case Kind::Input:
        order[rank].push_back({Step::Input, lane, kNone});
        break;
      case Kind::Weight:
        order[rank].push_back({Step::Weight, lane, kNone});
        break;
      case Kind::Backward:
        order[rank].push_back({Step::Input, lane, kNone});
        order[rank].push_back({Step::Weight, lane, kNone});
        break;
      }
    }
  return order;
}

Table decode(const Problem &problem, const Order &order, const std::string &name) {
  Table table = problem.header;
  table.name = name;
  std::vector<unsigned> forwards(problem.lanes.size()), inputs(problem.lanes.size()),
      oldest(problem.lanes.size());
  std::vector<std::vector<unsigned>> split(problem.lanes.size()); // whose weight half comes later
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Step &step : order[rank]) {
      const Lane &lane = problem.lanes[step.lane];
      auto task = [](Kind kind, const Lane &lane, unsigned place) {
        return Task{kind, lane.stage, lane.firstMicroBatch + place};
      };
      Action action;
      switch (step.kind) {
      case Step::Forward:
        action.first = task(Kind::Forward, lane, forwards[step.lane]++);
        break;
      case Step::Input:
        split[step.lane].push_back(inputs[step.lane]);
        action.first = task(Kind::Input, lane, inputs[step.lane]++);
        break;
      case Step::Weight:
        action.first = task(Kind::Weight, lane, split[step.lane][oldest[step.lane]++]);
        break;
      case Step::Pair:
        action.first = task(Kind::Forward, lane, forwards[step.lane]++);
        action.second = task(Kind::Backward, problem.lanes[step.other], inputs[step.other]++);
        break;
      }
      table.actions[rank].push_back(action);
    }
  return table;
}

Order oneByOne(const Problem &problem) {
  Order order(problem.header.ranks);
  unsigned stages = problem.header.stages;
  for (unsigned first = 0; first < problem.lanes.size(); first += stages)
    for (unsigned i = 0; i < problem.lanes[first].count; ++i) {
      for (unsigned lane = first; lane < first + stages; ++lane)
        order[problem.lanes[lane].rank].push_back({Step::Forward, lane, kNone});
      for (unsigned lane = first + stages; lane-- > first;) {
        order[problem.lanes[lane].rank].push_back({Step::Input, lane, kNone});
        order[problem.lanes[lane].rank].push_back({Step::Weight, lane, kNone});
      }
    }
  return order;
}

Evaluator::Evaluator(const Problem &problem)
    : problem(problem), forwardEnd(problem.lanes.size() * problem.stride),
      inputEnd(forwardEnd.size()), forwards(problem.lanes.size()), inputs(problem.lanes.size()),
      weights(problem.lanes.size()), position(problem.header.ranks), live(problem.header.ranks),
      blockedOn(problem.header.ranks), clock(problem.header.ranks), slack(problem.header.ranks) {}

double Evaluator::workOf(const Word &word) const {
  double work = 0;
  for (const Step &step : word)
    work += problem.duration(step);
  return work;
}

// Does steps until the rank waits or ends; false if the order is none.
bool Evaluator::advance(unsigned rank, const Word &word) {
  unsigned place = position[rank], alive = live[rank], cap = problem.caps[rank];
  double now = clock[rank], room = slack[rank];
  const Lane *lanes = problem.lanes.data();
  size_t stride = problem.stride;
  for (; place < word.size(); ++place) {
    Step step = word[place];
    bool isPair = step.kind == Step::Pair;
    if (step.kind == Step::Weight) {
      if (!weights[step.lane])
        return false;
      --weights[step.lane];
      --alive;
      now += lanes[step.lane].weight;
      continue;
    }
    double start = now;
    unsigned front = step.kind == Step::Input ? kNone : step.lane, back = isPair ? step.other
                                                                          : step.kind == Step::Input
                                                                              ? step.lane
                                                                              : kNone;
    if (front != kNone) {
      const Lane &lane = lanes[front];
      unsigned i = forwards[front];
      if (alive == cap || i == lane.count)
        return false;
      if (lane.before != kNone) {
        if (forwards[lane.before] <= i) {
          blockedOn[rank] = 2 * lane.before;
          break;
        }
        start = std::max(start, forwardEnd[lane.before * stride + i] + lane.forwardDelay);
      }
    }
    if (back != kNone) {
      const Lane &lane = lanes[back];
      unsigned i = inputs[back];
      if (forwards[back] <= i)
        return false;
      if (lane.after != kNone) {
        if (inputs[lane.after] <= i) {
          blockedOn[rank] = 2 * lane.after + 1;
          break;
        }
        start = std::max(start, inputEnd[lane.after * stride + i] + lane.inputDelay);
      }
    }
    if ((room -= start - now) < 0)
      return false;
    now = start + (isPair           ? problem.pair(front, back)
                   : front != kNone ? lanes[front].forward
                                    : lanes[back].input);
    if (front != kNone) {
      forwardEnd[front * stride + forwards[front]++] = now;
      alive += !isPair;
      if (lanes[front].after != kNone)
        wake(lanes[lanes[front].after].rank, 2 * front);
    }
    if (back != kNone) {
      inputEnd[back * stride + inputs[back]++] = now;
      weights[back] += !isPair;
      if (lanes[back].before != kNone)
        wake(lanes[lanes[back].before].rank, 2 * back + 1);
    }
  }
  position[rank] = place;
  live[rank] = alive;
  clock[rank] = now;
  slack[rank] = room;
  return true;
}

Score Evaluator::operator()(const Order &order, double limit) {
  unsigned ranks = problem.header.ranks;
  for (unsigned rank = 0; rank < ranks; ++rank)
    slack[rank] = limit < kInfinity ? limit + kRounding - workOf(order[rank]) : kInfinity;
  std::fill(forwards.begin(), forwards.end(), 0);
  std::fill(inputs.begin(), inputs.end(), 0);
  std::fill(weights.begin(), weights.end(), 0);
  std::fill(position.begin(), position.end(), 0);
  std::fill(live.begin(), live.end(), 0);
  std::fill(blockedOn.begin(), blockedOn.end(), kNone);
  std::fill(clock.begin(), clock.end(), 0);
  ready.clear();
  for (unsigned rank = ranks; rank-- > 0;)
    ready.push_back(rank);
  while (!ready.empty()) {
    unsigned rank = ready.back();
    ready.pop_back();
    if (!advance(rank, order[rank]))
      return {};
  }
  Score score{0, 0};
  for (unsigned rank = 0; rank < ranks; ++rank) {
    if (position[rank] < order[rank].size())
      return {};
    score.makespan = std::max(score.makespan, clock[rank]);
    score.total += clock[rank];
  }
  return score;
}

} // namespace dpc::schedule::searching
