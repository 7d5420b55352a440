// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SearchLocal.h.
//
// Late acceptance (Burke and Bykov, 2017): a change is kept if the order is no longer
// than it was, or than it was a number of tries ago. That leaves valleys without a
// temperature to be set, and plateaus, which equal costs are full of, are crossed.
#include "SearchLocal.h"

#include <algorithm>

namespace dpc::schedule::searching {
namespace {

constexpr unsigned kHistory = 200; // tries
constexpr unsigned kMostChanges = 4;
constexpr unsigned kReach = 12; // steps that a change moves something over

void moveStep(Word &word, unsigned from, unsigned to) {
  Step step = word[from];
  if (from < to)
    std::move(word.begin() + from + 1, word.begin() + to + 1, word.begin() + from);
  else
    std::move_backward(word.begin() + to, word.begin() + from, word.begin() + from + 1);
  word[to] = step;
}

// A place at most kReach away.
unsigned near(const Word &word, unsigned place, Random &random) {
  unsigned low = place > kReach ? place - kReach : 0,
           high = std::min<unsigned>(word.size(), place + kReach + 1);
  return low + random.below(high - low);
}

// A forward and an input half become a pair at the place of either; the lane's next
// weight half goes.
bool pairSteps(Word &word, unsigned forward, unsigned input, bool atForward) {
  unsigned lane = word[input].lane, weight = input + 1;
  while (weight < word.size() && !(word[weight].kind == Step::Weight && word[weight].lane == lane))
    ++weight;
  if (weight == word.size())
    return false;
  unsigned kept = atForward ? forward : input, dropped = atForward ? input : forward;
  word[kept] = {Step::Pair, word[forward].lane, lane};
  word.erase(word.begin() + std::max(dropped, weight));
  word.erase(word.begin() + std::min(dropped, weight));
  return true;
}

// A pair becomes its tasks, in either order; the weight half comes somewhere later.
void unpair(Word &word, unsigned place, Random &random) {
  Step pair = word[place], forward{Step::Forward, pair.lane, kNone},
       input{Step::Input, pair.other, kNone};
  bool forwardFirst = random.below(2);
  unsigned weight = place + 2 + (random.below(2) ? 0 : random.below(kReach));
  word[place] = forwardFirst ? forward : input;
  word.insert(word.begin() + place + 1, forwardFirst ? input : forward);
  word.insert(word.begin() + std::min<unsigned>(weight, word.size()),
              Step{Step::Weight, pair.other, kNone});
}

void undo(Order &order, Change &change) { order[change.rank].swap(change.before); }

} // namespace

bool changeAtRandom(const Problem &problem, Order &order, Random &random, Change &change) {
  unsigned rank = random.below(order.size());
  Word &word = order[rank];
  if (word.size() < 2)
    return false;
  unsigned place = random.below(word.size());
  Step step = word[place];
  change.rank = rank;
  change.before = word;
  bool pairs = problem.pairsGain && random.below(2);
  if (pairs && step.kind == Step::Pair) {
    unpair(word, place, random);
    return true;
  }
  unsigned other = near(word, place, random);
  if (other == place)
    return false;
  if (pairs && step.kind == Step::Forward && word[other].kind == Step::Input)
    return pairSteps(word, place, other, random.below(2));
  if (step.kind == word[other].kind && step.lane == word[other].lane &&
      step.other == word[other].other)
    return false;
  moveStep(word, place, other);
  return true;
}

Score improve(const Problem &problem, Order &order, double goal, Random &random,
              const std::function<bool()> &goOn) {
  Evaluator evaluate(problem);
  // The makespan decides; ends of ranks that are not the last lead the way to it.
  double lead = 0.05 / problem.header.ranks;
  auto cost = [&](const Score &score) { return score.makespan + lead * score.total; };
  Score best = evaluate(order);
  double current = cost(best);
  std::vector<double> history(kHistory, current);
  Order bestOrder = order;
  std::vector<Change> changes(kMostChanges);
  for (uint64_t i = 0; best.makespan > goal + kRounding && goOn(); ++i) {
    unsigned wanted = random.below(2) ? 1 : 1 + random.below(kMostChanges), made = 0;
    for (unsigned change = 0; change < wanted; ++change)
      made += changeAtRandom(problem, order, random, changes[made]);
    if (!made)
      continue;
    double &late = history[i % kHistory], limit = std::max(current, late);
    Score score = evaluate(order, limit);
    double tried = score.feasible() ? cost(score) : kInfinity;
    if (tried <= limit)
      current = tried;
    else
      while (made)
        undo(order, changes[--made]);
    late = std::min(late, current);
    if (score.makespan < best.makespan - kRounding) {
      best = score;
      bestOrder = order;
    }
  }
  order = bestOrder;
  return best;
}

} // namespace dpc::schedule::searching
