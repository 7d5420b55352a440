// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SearchList.h.
//
// All ranks go on together: of their choices the one that starts first is carried
// out, and the ranks that it concerns choose anew. So a rank knows everything that has
// begun elsewhere when it chooses, and nothing that has not.
#include "SearchList.h"

#include <algorithm>

namespace dpc::schedule::searching {
namespace {

double meanTask(const Problem &problem) {
  double sum = 0;
  for (const Lane &lane : problem.lanes)
    sum += lane.forward + lane.input + lane.weight;
  return sum > 0 ? sum / (3 * problem.lanes.size()) : 1;
}

Priorities::OfLane drawLane(const Problem &problem, unsigned lane, Random &random) {
  const Lane &which = problem.lanes[lane];
  Priorities::OfLane result;
  result.forward = 4 + 2 * random.unit();
  result.input = 6 + 2 * random.unit();
  result.weight = 1 + random.unit();
  result.pair = problem.pairsGain ? 4 + 6 * random.unit() : -kInfinity;
  unsigned cap = std::min(problem.caps[which.rank], which.count);
  result.limit = random.below(2) ? cap : cap - random.below((cap + 1) / 2);
  return result;
}

// The lane that does the same in the mirrored copy, or the lane itself.
unsigned twin(const Problem &problem, unsigned lane) {
  unsigned stages = problem.header.stages;
  return problem.lanes.size() == 2 * stages ? (lane + stages) % (2 * stages) : lane;
}

} // namespace

Priorities drawPriorities(const Problem &problem, Random &random) {
  Priorities result;
  double mean = meanTask(problem);
  bool isSymmetric = random.below(2);
  for (unsigned lane = 0; lane < problem.lanes.size(); ++lane) {
    unsigned other = twin(problem, lane);
    result.lanes.push_back(isSymmetric && other < lane ? result.lanes[other]
                                                       : drawLane(problem, lane, random));
  }
  result.impatience = (random.below(2) ? 100 : 8 * random.unit()) / std::max(mean, kRounding);
  result.jitter = random.below(2) ? 0 : 2 * random.unit();
  result.keepsPlace = random.below(4) > 0;
  result.seed = random.next();
  return result;
}

Priorities varyPriorities(const Problem &problem, Priorities result, Random &random) {
  double mean = meanTask(problem);
  unsigned changes = 1 + random.below(3);
  for (unsigned i = 0; i < changes; ++i) {
    unsigned what = random.below(12);
    if (what == 0) {
      result.impatience = (random.below(2) ? 100 : 8 * random.unit()) / std::max(mean, kRounding);
    } else if (what == 1) {
      result.jitter = random.below(2) ? 0 : 2 * random.unit();
    } else if (what == 2) {
      result.seed = random.next();
    } else {
      unsigned lane = random.below(problem.lanes.size());
      Priorities::OfLane drawn = drawLane(problem, lane, random), &old = result.lanes[lane];
      switch (random.below(6)) {
      case 0:
        old = drawn;
        break;
      case 1:
        old.forward = drawn.forward;
        break;
      case 2:
        old.input = drawn.input;
        break;
      case 3:
        old.weight = random.below(4) ? drawn.weight : drawn.input;
        break;
      case 4:
        old.pair = drawn.pair;
        break;
      case 5:
        old.limit = drawn.limit;
        break;
      }
      if (random.below(2))
        result.lanes[twin(problem, lane)] = old;
    }
  }
  return result;
}

ListScheduler::ListScheduler(const Problem &problem)
    : problem(problem), forwardEnd(problem.lanes.size() * problem.stride),
      inputEnd(forwardEnd.size()), forwards(problem.lanes.size()), inputs(problem.lanes.size()),
      weights(problem.lanes.size()), alive(problem.lanes.size()), aliveOfRank(problem.header.ranks),
      clock(problem.header.ranks), choices(problem.header.ranks),
      forwardReady(problem.lanes.size()), inputReady(problem.lanes.size()) {}

void ListScheduler::choose(unsigned rank, const Priorities &priorities, Random &random) {
  Choice &best = choices[rank];
  best = {};
  double now = clock[rank];
  size_t stride = problem.stride;
  unsigned room = problem.caps[rank] - aliveOfRank[rank], idleLanes = 0;
  for (unsigned id : problem.lanesOf[rank])
    idleLanes += !alive[id] && forwards[id] < problem.lanes[id].count;
  auto offer = [&](Step step, double start, double worth) {
    worth -= (start - now) * priorities.impatience;
    if (priorities.jitter > 0)
      worth += priorities.jitter * random.unit();
    if (worth > best.worth)
      best = {step, start, worth};
  };
  for (unsigned id : problem.lanesOf[rank]) {
    const Lane &lane = problem.lanes[id];
    unsigned i = forwards[id];
    forwardReady[id] = inputReady[id] = kInfinity;
    unsigned kept = priorities.keepsPlace ? idleLanes - (!alive[id] && i < lane.count) : 0;
    if (i < lane.count && room > kept && alive[id] < priorities.lanes[id].limit &&
        (lane.before == kNone || forwards[lane.before] > i)) {
      forwardReady[id] =
          lane.before == kNone
              ? now
              : std::max(now, forwardEnd[lane.before * stride + i] + lane.forwardDelay);
      offer({Step::Forward, id, kNone}, forwardReady[id], priorities.lanes[id].forward);
    }
    unsigned j = inputs[id];
    if (j < i && (lane.after == kNone || inputs[lane.after] > j)) {
      inputReady[id] = lane.after == kNone
                           ? now
                           : std::max(now, inputEnd[lane.after * stride + j] + lane.inputDelay);
      offer({Step::Input, id, kNone}, inputReady[id], priorities.lanes[id].input);
    }
    if (weights[id])
      offer({Step::Weight, id, kNone}, now, priorities.lanes[id].weight);
  }
  if (!problem.pairsGain)
    return;
  for (unsigned front : problem.lanesOf[rank])
    if (forwardReady[front] < kInfinity)
      for (unsigned back : problem.lanesOf[rank])
        if (inputReady[back] < kInfinity)
          offer({Step::Pair, front, back}, std::max(forwardReady[front], inputReady[back]),
                priorities.lanes[front].pair);
}

double ListScheduler::carryOut(const Choice &choice) {
  const Step &step = choice.step;
  size_t stride = problem.stride;
  unsigned rank = problem.lanes[step.lane].rank;
  double end = choice.start + problem.duration(step);
  if (step.kind == Step::Forward || step.kind == Step::Pair) {
    forwardEnd[step.lane * stride + forwards[step.lane]++] = end;
    ++alive[step.lane];
    ++aliveOfRank[rank];
  }
  if (step.kind == Step::Input || step.kind == Step::Pair) {
    unsigned back = step.kind == Step::Pair ? step.other : step.lane;
    inputEnd[back * stride + inputs[back]++] = end;
    weights[back] += step.kind == Step::Input;
  }
  if (step.kind == Step::Weight || step.kind == Step::Pair) {
    unsigned back = step.kind == Step::Pair ? step.other : step.lane;
    weights[back] -= step.kind == Step::Weight;
    --alive[back];
    --aliveOfRank[rank];
  }
  clock[rank] = end;
  return end;
}

Score ListScheduler::operator()(const Priorities &priorities, Order &order) {
  unsigned ranks = problem.header.ranks;
  for (std::vector<unsigned> *counts : {&forwards, &inputs, &weights, &alive, &aliveOfRank})
    std::fill(counts->begin(), counts->end(), 0);
  std::fill(clock.begin(), clock.end(), 0);
  order.resize(ranks);
  for (Word &word : order)
    word.clear();
  Random random(priorities.seed);
  for (unsigned rank = 0; rank < ranks; ++rank)
    choose(rank, priorities, random);
  while (true) {
    unsigned rank = 0;
    for (unsigned other = 1; other < ranks; ++other)
      if (choices[other].start < choices[rank].start)
        rank = other;
    if (choices[rank].start == kInfinity)
      break;
    Choice choice = choices[rank];
    carryOut(choice);
    order[rank].push_back(choice.step);
    choose(rank, priorities, random);
    auto tell = [&](unsigned lane) {
      if (lane != kNone && problem.lanes[lane].rank != rank)
        choose(problem.lanes[lane].rank, priorities, random);
    };
    const Step &step = choice.step;
    if (step.kind == Step::Forward || step.kind == Step::Pair)
      tell(problem.lanes[step.lane].after);
    if (step.kind == Step::Input || step.kind == Step::Pair)
      tell(problem.lanes[step.kind == Step::Pair ? step.other : step.lane].before);
  }
  Score score{0, 0};
  for (unsigned lane = 0; lane < problem.lanes.size(); ++lane)
    if (inputs[lane] < problem.lanes[lane].count || alive[lane])
      return {};
  for (double end : clock) {
    score.makespan = std::max(score.makespan, end);
    score.total += end;
  }
  return score;
}

} // namespace dpc::schedule::searching
