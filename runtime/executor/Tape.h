// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What one thread enqueues in a step for all ranks of a process: their lists with blocks
// unfolded, merged in an order in which every record stands before the waits for it. That
// there is one is the rule of order of docs/ProgramFormat.md: within a list nothing waits
// for what comes later, and all ranks share an order of their communications.
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
  enum class Kind : uint8_t { Wait, Record, Forget, Command, Feed, Fetch, Phase };
  Kind kind;
  uint32_t queue;
  uint32_t event = 0;                      // of a wait or record
  const PlannedCommand *command = nullptr; // of the plan; of a record the one before it
  // [firstAddress, firstAddress + addressCount) of the tape's addresses.
  uint32_t firstAddress = 0, addressCount = 0;
  uint64_t bytes = 0;
  uint64_t staging = 0; // of feed and fetch: their bytes in the host's staging memory
  QueueOperation *operation = nullptr;
  unsigned phase = 0;
};

struct Tape {
  std::vector<TapeQueue> queues;
  std::vector<TapeEntry> entries;
  std::vector<DeviceAddress> addresses;
  uint32_t events = 0;
  std::vector<uint32_t> ends; // the events of the ends of all ranks' steps
  uint64_t stagingBytes = 0;
};

// `operations`: those of each plan, in its order. `spoils`: as the device says.
Status makeTape(const std::vector<const RankPlan *> &plans,
                const std::vector<std::vector<QueueOperation *>> &operations, bool spoils,
                Tape &out);

} // namespace dpcrt
