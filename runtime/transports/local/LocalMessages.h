// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages between threads of one process: the receiver copies from the sender's memory
// once both have come.
#pragma once
#include "transports/Link.h"
#include "transports/MessageEnd.h"
#include "transports/local/Meetings.h"

namespace dpcrt {

// What the two ends of a message share. `posted` and `received` hold the last step
// in which they happened; everything else is written before and read after them.
struct LocalMessage : MessageEnds {
  std::atomic<uint32_t> posted{0}, received{0};
  DeviceAddress src;
  int64_t postedAt = 0, due = 0;
  Bell *senderBell = nullptr, *receiverBell = nullptr;
};

// The message's end at one of its ranks; `bell` is its operation's. Link and message
// outlive it.
std::unique_ptr<MessageEnd> makeLocalEnd(LocalMessage &message, bool send, DeviceAddress data,
                                         uint64_t bytes, Bell &bell, HostDevice &device,
                                         const Link &link);

} // namespace dpcrt
