// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device of queues and events on the host that takes the times it is told and computes
// nothing: the real executor and its transports run programs of many ranks in real time on
// a machine that could not compute them. Memory is addresses that nobody follows; what the
// host reads of it is zero.
//
// A queue is the time at which it has done all that it was given. Whatever a command waits
// for was recorded before it (Queue.h), so that time is known as soon as a command is
// enqueued; nothing but the host, in Event::wait, has to sleep until it has come. That the
// host wakes late delays no queue, as it would delay no queue of a GPU. What a graph takes is
// added up at its launch, along what its commands wait for.
#pragma once
#include "devices/Queue.h"

namespace dpcrt {

// Where the device's time comes from, in nanoseconds.
class HostClock {
public:
  virtual ~HostClock();
  virtual int64_t now() = 0;
  virtual void sleepUntil(int64_t time) = 0;
};

// With the monotonic clock of the host.
std::unique_ptr<QueueDevice> makeClockDevice();
// With another, which outlives the device.
std::unique_ptr<QueueDevice> makeClockDevice(HostClock &clock);

} // namespace dpcrt
