// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one thread enqueues in a step for all ranks of a process: their lists with blocks
// unfolded, merged in an order in which every record stands before the waits for it. That
// there is one is the rule of order of docs/ProgramFormat.md: within a list nothing waits
// for what comes later, and all ranks share an order of their communications.
//
// What the host gives a step, inputs and step records, is copied into device memory by a
// queue of its own, all of it at once, while the step before still runs; from there the
// queues take it. What a step gives the host is copied into the host's memory. There are
// two sets of all that memory, and of all events, for steps in turn.
//
// A wait for an event of the same queue is none, and an event is recorded only where some
// other queue waits for it. A step of a rank begins when its step before has ended: that
// is recorded on the queue of its last command, and all its other queues wait for it.
#pragma once
#include "executor/Plan.h"
#include "transports/QueueTransport.h"

namespace dpcrt {

struct TapeQueue {
  uint32_t rank;
  fb::StreamKind kind;
  std::string name; // "rank 0, stream compute"
};

struct TapeEntry {
  enum class Kind : uint8_t {
    Wait,    // for an event
    Record,  // of an event
    Inputs,  // a wait until the step's inputs are in device memory
    End,     // the end of a rank's step, which the host waits for
    Forget,  // bytes that hold nothing
    Spend,   // time, of a device that is told how long things take
    Command, // of the plan
    Feed,    // from staging memory
    Fetch,   // to staging memory
    Phase    // of an operation
  };
  Kind kind;
  uint32_t queue;
  uint32_t event = 0; // of a wait, record or end
  // Of the plan; of a record the one before it; null where the host's own part of a step
  // record is fed, or a header fetched.
  const PlannedCommand *command = nullptr;
  // [firstAddress, firstAddress + addressCount) of the tape's addresses.
  uint32_t firstAddress = 0, addressCount = 0;
  uint64_t bytes = 0;
  uint64_t staging = 0; // of feed and fetch: where in the step's set of staging memory
  QueueOperation *operation = nullptr;
  unsigned phase = 0;
  int64_t nanoseconds = 0;         // to spend
  const PlannedRun *run = nullptr; // of a block that the command belongs to
};

// What the host puts into staging memory before a step, or takes from it behind.
struct Staged {
  uint32_t rank;
  const PlannedCommand *command; // null: the image of the rank's step record, or the header
  uint64_t staging, bytes;
};

struct Tape {
  std::vector<TapeQueue> queues;
  std::vector<TapeEntry> entries;
  std::vector<DeviceAddress> addresses;
  uint32_t events = 0;
  uint32_t ends = 0; // one for each rank that does anything
  std::vector<Staged> inputs, outputs;
  uint64_t inputBytes = 0, outputBytes = 0; // of a set of staging memory
};

struct TaskTimes;

// `operations`: those of each plan, in its order. `spoils`: as the device says. `times`: of a
// device that is told times, else null.
Status makeTape(const std::vector<const RankPlan *> &plans,
                const std::vector<std::vector<QueueOperation *>> &operations, bool spoils,
                Tape &out, const TaskTimes *times = nullptr);

} // namespace dpcrt
