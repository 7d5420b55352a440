// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which command of a virtual device runs next: of all that could, one drawn from a seed,
// or the one that a policy says.
#pragma once
#include "devices/virtual/VirtualCommand.h"
#include <random>

namespace dpcrt {

class VirtualOrder {
public:
  enum class Policy {
    // The queue, or part of a graph, that is ahead of all others, which changes now and then,
    // both as drawn: single commands change places, and whole queues fall behind.
    Random,
    First,   // the one enqueued first
    Reverse, // the one enqueued last
    Starve,  // one queue only when no other can go on, nor what was captured of another
    Delay    // one command only when nothing else can go on
  };

  VirtualOrder() : VirtualOrder(0, Policy::Random) {}
  VirtualOrder(uint64_t seed, Policy policy, uint64_t number = 0)
      : policy(policy), number(number), draw(seed), period(uint64_t(1) << draw() % 7) {}
  // An error if the policy names a queue that is not there, or a command; --seed-order
  // counts both from 0.
  Status checkQueues(size_t queues) const;
  Status checkCommands(uint64_t commands) const;

  // The index of one of `ready`, which are heads of different lists and not none.
  size_t choose(const std::vector<const VirtualCommand *> &ready);

private:
  // Whether the policy would rather run anything else.
  bool isPutOff(const VirtualCommand &command) const;

  Policy policy;
  uint64_t number; // of the queue or the command
  std::mt19937_64 draw;
  uint64_t period;             // the mean time until queues change their order
  std::vector<uint64_t> ahead; // by place
};

} // namespace dpcrt
