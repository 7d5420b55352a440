// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What no schedule with a placement can undercut, in time and in memory. Only the
// placement, the micro-batches of each copy and the costs count, not the order.
//
// Throughout, a forward can be part of a pair that takes less time than the forward
// alone would: costs are a user's. But there is no pair before the first backward or
// after the last forward of all copies. A rank that has a stage of every copy sees
// neither before its first task nor after its last: a backward needs its
// micro-batch's forwards on all ranks of its copy.
#include "dpc/Schedule/core/Simulate.h"

#include <algorithm>
#include <limits>
#include <map>

namespace dpc::schedule {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What a rank has to do of one stage.
struct Share {
  unsigned stage;
  double microBatches;
  double head; // the least time before its first forward
  double tail; // the least time after the last input half
};

struct Bounds {
  const Table &table;
  const Costs &costs;
  bool pairs;
  std::vector<StageCosts> stages;
  std::vector<double> leastForward, leastInput, leastBackward; // of each stage, alone or in a pair
  std::vector<std::vector<Share>> shares;                      // of each rank
  std::vector<unsigned> copies; // of each rank, those it has a stage of

  Bounds(const Table &table, const Costs &costs, bool pairs)
      : table(table), costs(costs), pairs(pairs), shares(table.ranks), copies(table.ranks) {
    for (unsigned stage = 0; stage < table.stages; ++stage)
      stages.push_back(costs.of(stage, table.ranks, table.stages));
    for (const StageCosts &stage : stages) {
      leastForward.push_back(stage.forward);
      leastInput.push_back(stage.input);
      leastBackward.push_back(stage.input + stage.weight);
    }
    if (pairs)
      findLeast();
  }

  double pairOf(unsigned forward, unsigned backward) const {
    return costs.pairOf(forward, backward, table.ranks, table.stages);
  }
  // Without a time of each pair: the part that a pair takes of its tasks' times.
  double part() const {
    double plain = costs.forward + costs.input + costs.weight;
    return plain > 0 ? costs.pair / plain : 1;
  }

  // Pairs are of two stages of one rank. There is no need to look at all of them
  // where their times are sums.
  void findLeast() {
    for (const std::vector<unsigned> &held : stagesOfRanks()) {
      double shortestForward = kInfinity, shortestBackward = kInfinity;
      for (unsigned stage : held) {
        shortestForward = std::min(shortestForward, stages[stage].forward);
        shortestBackward = std::min(shortestBackward, stages[stage].input + stages[stage].weight);
      }
      for (unsigned a : held)
        if (costs.pairs.empty())
          lower(a, a, part() * (stages[a].forward + shortestBackward),
                part() * (shortestForward + stages[a].input + stages[a].weight));
        else
          for (unsigned b : held)
            lower(a, b, pairOf(a, b), pairOf(a, b));
    }
  }
  void lower(unsigned forward, unsigned backward, double forwardTime, double backwardTime) {
    leastForward[forward] = std::min(leastForward[forward], forwardTime);
    leastInput[backward] = std::min(leastInput[backward], backwardTime);
    leastBackward[backward] = std::min(leastBackward[backward], backwardTime);
  }
  std::vector<std::vector<unsigned>> stagesOfRanks() const {
    std::vector<std::vector<unsigned>> result(table.ranks);
    for (const Replica &replica : table.replicas)
      for (unsigned stage = 0; stage < table.stages; ++stage)
        result[replica.rankOfStage[stage]].push_back(stage);
    for (std::vector<unsigned> &held : result) {
      std::sort(held.begin(), held.end());
      held.erase(std::unique(held.begin(), held.end()), held.end());
    }
    return result;
  }

  double message(const Replica &replica, unsigned from, unsigned to) const {
    unsigned fromRank = replica.rankOfStage[from], toRank = replica.rankOfStage[to];
    if (fromRank == toRank)
      return 0;
    Link link = costs.linkOf(fromRank, toRank, table.ranks);
    return link.latency +
           (from < to ? stages[from].outputBytes : stages[from].gradientBytes) / link.bandwidth;
  }

  double findMakespan() {
    for (const Replica &replica : table.replicas) {
      std::vector<unsigned> held(replica.rankOfStage);
      std::sort(held.begin(), held.end());
      held.erase(std::unique(held.begin(), held.end()), held.end());
      for (unsigned rank : held)
        ++copies[rank];
    }
    double down = kInfinity, back = kInfinity;
    for (const Replica &replica : table.replicas)
      addShares(replica, down, back);
    // The first backward of all starts after a whole chain of forwards, the last
    // forward of all is followed by a whole chain of backwards; and it ends no
    // earlier than the first backward starts, or the two belong to one chain.
    double bound = down + back;
    for (const std::vector<Share> &rank : shares)
      if (!rank.empty())
        bound = std::max(bound, ofRank(rank));
    return std::max(bound, ofLinks());
  }

  // What a link has to carry: it cannot begin before the first message is made, and
  // after the last one comes what that one is needed for.
  double ofLinks() const {
    struct Load {
      double occupied = 0, latency = 0, head = kInfinity, tail = kInfinity;
    };
    std::map<std::pair<unsigned, unsigned>, Load> loads;
    if (costs.links.empty())
      return 0;
    for (const Replica &replica : table.replicas) {
      auto add = [&](unsigned from, unsigned to, double head, double tail) {
        unsigned fromRank = replica.rankOfStage[from], toRank = replica.rankOfStage[to];
        if (fromRank == toRank)
          return;
        Link link = costs.linkOf(fromRank, toRank, table.ranks);
        Load &load = loads[{fromRank, toRank}];
        double bytes = from < to ? stages[from].outputBytes : stages[from].gradientBytes;
        load.occupied +=
            (replica.endMicroBatch - replica.firstMicroBatch) * (bytes / link.bandwidth);
        load.latency = link.latency;
        load.head = std::min(load.head, head);
        load.tail = std::min(load.tail, tail);
      };
      // Until a stage's result is made, and from when it is there to the end: there
      // and back again.
      unsigned S = table.stages;
      std::vector<double> made(2 * S), left(2 * S);
      auto stageOf = [&](unsigned i) { return i < S ? i : 2 * S - 1 - i; };
      auto least = [&](unsigned i) { return (i < S ? leastForward : leastInput)[stageOf(i)]; };
      auto crossing = [&](unsigned i) {
        return i + 1 == S || i + 1 == 2 * S ? 0 : message(replica, stageOf(i), stageOf(i + 1));
      };
      for (unsigned i = 0; i < 2 * S; ++i)
        made[i] = (i ? made[i - 1] + crossing(i - 1) : 0) + least(i);
      for (unsigned i = 2 * S - 1; i-- > 0;)
        left[i] = least(i + 1) + crossing(i + 1) + left[i + 1];
      for (unsigned i = 0; i + 1 < 2 * S; ++i)
        if (i + 1 != S)
          add(stageOf(i), stageOf(i + 1), made[i], left[i]);
    }
    double bound = 0;
    for (const auto &[ranks, load] : loads)
      bound = std::max(bound, load.head + load.occupied + load.latency + load.tail);
    return bound;
  }

  // Adds a copy's stages to their ranks; finds the shortest chains of any copy.
  void addShares(const Replica &replica, double &down, double &back) {
    auto free = [&](unsigned stage) {
      return !pairs || copies[replica.rankOfStage[stage]] == table.replicas.size();
    };
    unsigned S = table.stages;
    std::vector<double> headAlone(S), headPaired(S), tailAlone(S), tailPaired(S);
    for (unsigned s = 1; s < S; ++s) {
      double crossing = message(replica, s - 1, s);
      headAlone[s] = headAlone[s - 1] + stages[s - 1].forward + crossing;
      headPaired[s] = headPaired[s - 1] + leastForward[s - 1] + crossing;
    }
    // The weight half of stage 0 cannot come before the end of the way back.
    tailAlone[0] = stages[0].weight;
    for (unsigned s = 1; s < S; ++s) {
      double crossing = message(replica, s, s - 1);
      tailAlone[s] = tailAlone[s - 1] + stages[s - 1].input + crossing;
      tailPaired[s] = tailPaired[s - 1] + leastInput[s - 1] + crossing;
    }
    for (unsigned s = 0; s < S; ++s)
      shares[replica.rankOfStage[s]].push_back(
          {s, double(replica.endMicroBatch - replica.firstMicroBatch),
           free(s) ? headAlone[s] : headPaired[s], free(s) ? tailAlone[s] : tailPaired[s]});
    down = std::min(down, headAlone[S - 1] + stages[S - 1].forward);
    back = std::min(back, stages[S - 1].input + tailAlone[S - 1]);
  }

  double ofRank(const std::vector<Share> &rank) const {
    double head = kInfinity, tail = kInfinity;
    for (const Share &share : rank) {
      head = std::min(head, share.head);
      tail = std::min(tail, share.tail);
    }
    // All its work; and its work without weight halves, which others wait for.
    return head + std::max(work(rank, true), work(rank, false) + tail);
  }

  double backwardOf(const Share &share, bool weights) const {
    return stages[share.stage].input + (weights ? stages[share.stage].weight : 0);
  }

  // The least time of a rank's tasks, with or without weight halves. Each forward of
  // a stage is given a price, and each backward, none above what it takes alone and
  // no two together above a pair's time: the sum is what all of them take at least
  // (the dual of an assignment of forwards to backwards).
  double work(const std::vector<Share> &rank, bool weights) const {
    size_t count = rank.size();
    std::vector<double> forwardPrice(count), backwardPrice(count);
    for (size_t i = 0; i < count; ++i) {
      forwardPrice[i] = stages[rank[i].stage].forward;
      backwardPrice[i] = backwardOf(rank[i], weights);
    }
    if (pairs)
      costs.pairs.empty() ? priceSums(rank, forwardPrice, backwardPrice)
                          : pricePairs(rank, forwardPrice, backwardPrice);
    double sum = 0;
    for (size_t i = 0; i < count; ++i)
      sum += rank[i].microBatches * (forwardPrice[i] + backwardPrice[i]);
    return sum;
  }

  // Of pairs that take a part of their tasks' times: the same part of each, and what
  // every backward leaves of it goes to the forwards.
  void priceSums(const std::vector<Share> &rank, std::vector<double> &forward,
                 std::vector<double> &backward) const {
    double left = kInfinity;
    for (size_t b = 0; b < rank.size(); ++b) {
      double share = part() * backwardOf(rank[b], true);
      backward[b] = std::min(backward[b], share);
      left = std::min(left, share - backward[b]);
    }
    for (double &price : forward)
      price = std::min(price, part() * price + left);
  }

  // Of pairs with any times: in proportion to the times alone, then raised as far as
  // the others let it.
  void pricePairs(const std::vector<Share> &rank, std::vector<double> &forward,
                  std::vector<double> &backward) const {
    size_t count = rank.size();
    const std::vector<double> forwardAlone = forward, backwardAlone = backward;
    double least = 1;
    for (size_t a = 0; a < count; ++a)
      for (size_t b = 0; b < count; ++b)
        if (double alone = forward[a] + backward[b]; alone > 0)
          least = std::min(least, pairOf(rank[a].stage, rank[b].stage) / alone);
    for (size_t i = 0; i < count; ++i) {
      forward[i] *= least;
      backward[i] *= least;
    }
    for (size_t a = 0; a < count; ++a) {
      forward[a] = forwardAlone[a];
      for (size_t b = 0; b < count; ++b)
        forward[a] = std::min(forward[a], pairOf(rank[a].stage, rank[b].stage) - backward[b]);
    }
    for (size_t b = 0; b < count; ++b) {
      backward[b] = backwardAlone[b];
      for (size_t a = 0; a < count; ++a)
        backward[b] = std::min(backward[b], pairOf(rank[a].stage, rank[b].stage) - forward[a]);
    }
  }

  std::vector<double> findActivations(double makespan) {
    std::vector<double> result(table.ranks);
    if (makespan <= 0)
      return result;
    for (const Replica &replica : table.replicas) {
      double after = 0; // from the end of a stage's forward to the start of its backward
      for (unsigned stage = table.stages; stage-- > 0;) {
        double life = leastForward[stage] + after + leastBackward[stage];
        result[replica.rankOfStage[stage]] +=
            (replica.endMicroBatch - replica.firstMicroBatch) * life;
        after += leastForward[stage] + leastInput[stage];
        if (stage)
          after += message(replica, stage - 1, stage) + message(replica, stage, stage - 1);
      }
    }
    for (double &held : result)
      held *= (double)table.ranks / table.stages / makespan;
    return result;
  }
};

} // namespace

double lowerBound(const Table &table, const Costs &costs, bool pairs) {
  return Bounds(table, costs, pairs).findMakespan();
}

std::vector<double> activationFloor(const Table &table, const Costs &costs, bool pairs,
                                    double makespan) {
  return Bounds(table, costs, pairs).findActivations(makespan);
}

} // namespace dpc::schedule
