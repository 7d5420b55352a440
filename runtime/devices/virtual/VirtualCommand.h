// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What lies in the queues of a virtual device.
#pragma once
#include "devices/Queue.h"
#include <atomic>

namespace dpcrt {

// One record of an event. Whoever waits for it keeps it: the event itself has gone on to
// its next record when this one is run late.
struct VirtualMark {
  std::atomic<bool> passed{false};
  int64_t time = 0;  // when that was
  std::string queue; // that records it
};

struct VirtualLaunch;

struct VirtualCommand {
  // Those that do something, what is forgotten, and what orders.
  enum class Kind { Launch, Call, Copy, Fill, Reduce, Forget, Record, Wait, Graph };

  Kind kind;
  size_t queue; // by creation; of a command of a graph, that which was captured
  // Number of its list, one of a queue or of a part of a graph: what a seed draws.
  size_t place = 0;
  uint64_t sequence; // of all commands of the device
  // Number among the commands that do something, which --seed-order's delay counts; -1:
  // records, waits and what was only forgotten.
  int64_t work = -1;

  const PreparedLaunch *launch = nullptr;
  const PreparedCall *call = nullptr;
  std::vector<DeviceAddress> buffers; // written first: destination, then sources
  uint64_t bytes = 0;                 // of a reduction: elements
  uint32_t pattern = 0;
  Element dtype = Element::U8;
  std::shared_ptr<VirtualMark> mark; // of a record, or what is waited for; or null
  // Of a graph, which waits for its launch before; its commands stand there.
  std::shared_ptr<VirtualLaunch> graph;

  bool isWork() const { return kind <= Kind::Reduce; }
  bool ready() const { return kind == Kind::Record || !mark || mark->passed; }
};

const char *nameOf(VirtualCommand::Kind kind);

} // namespace dpcrt
