// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device of queues and events on the host, to run programs in orders that no real
// device shows when one looks. It computes with the kernels of a host device, one command
// at a time; which, of all that queues and events allow, VirtualOrder says.
//
// It works only while the host waits for an event, and stops when that has fired; asked
// whether an event has fired, it runs one command. So the order depends on the seed alone,
// and not on how fast the host enqueues, and what the host did not wait for has not
// happened.
//
// A launch of a graph is as many more lists of commands as queues were captured: what runs of
// them next is drawn like everything else, mixed with what queues hold.
#pragma once
#include "devices/HostDevice.h"
#include "devices/virtual/SeedOrder.h"
#include <functional>
#include <thread>

namespace dpcrt {

// One thing that happened, for tests to look at.
struct VirtualEntry {
  enum class What {
    Enqueued, // command
    Captured, // command
    Ran,      // command; a graph behind all of its own
    Waited,   // the host, for an event
    Moved     // the host, bytes: upload or download
  };
  What what;
  const VirtualCommand *command = nullptr;
  std::thread::id thread;
};

class VirtualDevice : public QueueDevice {
public:
  // `watcher` is told of everything from now on, one call at a time.
  virtual void watch(std::function<void(const VirtualEntry &)> watcher) = 0;
};

std::unique_ptr<VirtualDevice> makeVirtualDevice(std::unique_ptr<HostDevice> kernels);

} // namespace dpcrt
