// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One rank's list with its blocks unfolded: which command goes to which stream, behind
// which commands of other streams, and which commands others wait for.
#pragma once
#include "executor/Plan.h"

namespace dpcrt {

struct TaskTimes;

// The place behind a command of a stream of the rank.
struct StreamPoint {
  uint16_t stream;
  uint32_t index; // among the stream's commands
};

// Bytes of one of the rank's arenas.
struct ArenaRange {
  uint32_t arena;
  uint64_t offset, bytes;
};

struct SequencedCommand {
  const PlannedCommand *command;
  const Frame *frame;
  StreamPoint place;
  // What it waits for: of each other stream at most one place, and none that the stream
  // has waited for before.
  std::vector<StreamPoint> waits;
  bool acts = true;       // not only waits, or ends a run
  bool isAwaited = false; // by a command of another stream
  // What holds nothing behind it.
  std::vector<ArenaRange> forgets;
  int64_t nanoseconds = 0;         // that it takes, where times are given
  const PlannedRun *run = nullptr; // that it belongs to
};

// An error if a command waits for what comes later in the list. `times`: null, or how long
// runs take.
Status sequenceRank(const RankPlan &plan, std::vector<SequencedCommand> &out,
                    const TaskTimes *times = nullptr);

} // namespace dpcrt
