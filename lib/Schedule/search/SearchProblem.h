// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the search works on: a schedule as one word per rank.
//
// Micro-batches of a copy cost the same, so their order within a stage need not be
// searched: each stage takes them in ascending order. What remains of a rank's order
// is a word whose letters say "the next forward of this stage", and so on. Any
// change of the word is again a schedule, or one that gets stuck.
#ifndef DPC_LIB_SCHEDULE_SEARCH_SEARCHPROBLEM_H
#define DPC_LIB_SCHEDULE_SEARCH_SEARCHPROBLEM_H

#include "dpc/Schedule/core/Costs.h"

#include <limits>

namespace dpc::schedule::searching {

inline constexpr unsigned kNone = ~0u;
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Times nearer than this are the same.
inline constexpr double kRounding = 1e-9;

/// The same numbers on every machine (splitmix64).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Below the limit, which is at least 1.
  unsigned below(unsigned limit) { return ((next() >> 32) * limit) >> 32; }
  /// In [0, 1).
  double unit() { return (next() >> 11) * 0x1p-53; }

private:
  uint64_t state;
};

/// A stage of a copy, and the micro-batches that pass through it.
struct Lane {
  unsigned stage, rank, count, firstMicroBatch;
  unsigned before, after; // lanes of its neighbours, or kNone
  double forward, input, weight;
  double forwardDelay, inputDelay; // of the messages it waits for
};

/// A letter: the next forward, input half or weight half of a lane, or its next
/// forward paired with the next backward of another.
struct Step {
  enum Kind : uint8_t { Forward, Input, Weight, Pair } kind;
  unsigned lane, other;
};
using Word = std::vector<Step>;
using Order = std::vector<Word>; // of each rank

struct Problem {
  /// `caps`: of each rank, in device shares; empty: none.
  Problem(const Table &header, const Costs &costs, const std::vector<double> &caps);

  double pair(unsigned forwardLane, unsigned backwardLane) const {
    return pairs[(size_t)lanes[forwardLane].stage * header.stages + lanes[backwardLane].stage];
  }
  double duration(const Step &step) const;

  Table header; // without actions
  std::vector<Lane> lanes;
  std::vector<std::vector<unsigned>> lanesOf; // of each rank
  std::vector<double> pairs;                  // by stage of the forward and of the backward
  std::vector<unsigned> caps;                 // of each rank, in micro-batches
  unsigned stride;                            // most micro-batches of a copy
  bool pairsGain;                             // is some pair shorter than its tasks?
};

/// A full backward becomes its halves, one after the other.
Order encode(const Table &table);
/// Halves stay halves.
Table decode(const Problem &problem, const Order &order, const std::string &name);

/// One micro-batch after the other: the order that needs the least memory.
Order oneByOne(const Problem &problem);

struct Score {
  double makespan = kInfinity;
  double total = kInfinity; // of the ranks' ends
  bool feasible() const { return makespan < kInfinity; }
};

/// The simulator's rules for an order, without allocations.
class Evaluator {
public:
  explicit Evaluator(const Problem &problem);
  /// Infinite if the ranks wait for each other, a word is no order of its tasks, a
  /// cap is exceeded, or the makespan is above the limit, which is often known early.
  Score operator()(const Order &order, double limit = kInfinity);

private:
  bool advance(unsigned rank, const Word &word);
  double workOf(const Word &word) const;
  void wake(unsigned rank, unsigned key) {
    if (blockedOn[rank] == key) {
      blockedOn[rank] = kNone;
      ready.push_back(rank);
    }
  }

  const Problem &problem;
  std::vector<double> forwardEnd, inputEnd;        // at lane * stride + place
  std::vector<unsigned> forwards, inputs, weights; // done, of each lane; weights: that can be done
  std::vector<unsigned> position, live, blockedOn, ready;
  std::vector<double> clock, slack; // slack: how much longer a rank may wait within the limit
};

} // namespace dpc::schedule::searching

#endif // DPC_LIB_SCHEDULE_SEARCH_SEARCHPROBLEM_H
