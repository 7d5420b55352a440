// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long the tasks of a step take, for devices that are told so (Queue::spend). The time
// of a run of a block, a task or a pair of them, passes over its commands, so that each of its
// results is there where it is made: programs send what a pair makes while the pair runs.
// Whatever else a program does takes no time.
#pragma once
#include "executor/Tape.h"

namespace dpcrt {

struct TaskTimes {
  struct Stage {
    int64_t forward = 0, input = 0, weight = 0;
  };
  std::vector<Stage> stages; // nanoseconds of one micro-batch
  // Of a pair of stage a's forward and stage b's backward, at a * stages + b; empty: the sum of
  // its parts.
  std::vector<int64_t> pairs;

  // Of one run of a block of a program that check() has passed; 0 if it is no task's.
  int64_t of(const fb::Block &block) const;
  // The same over the block's commands, in proportion to the work of each: flops, and bytes that
  // it reads and writes.
  std::vector<int64_t> spread(const fb::Program &program, const fb::Block &block) const;
  // Error (Usage) if the program has a stage that is not there.
  Status check(const fb::Program &program) const;
};

// What all times have to be multiplied with so that enqueuing a step takes less than half a
// core while it runs: 1, or the next larger one of 2, 5, 10, 20, 50 and so on. It depends on
// the tape alone.
double factorFor(const Tape &tape);

} // namespace dpcrt
