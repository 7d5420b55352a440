// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anchors of the device interface.
#include "devices/HostDevice.h"
#include "devices/Queue.h"

namespace dpcrt {

Lane::~Lane() = default;
PreparedLaunch::~PreparedLaunch() = default;
PreparedCall::~PreparedCall() = default;
Device::~Device() = default;
Event::~Event() = default;
Queue::~Queue() = default;
GivenTimes::~GivenTimes() = default;
Graph::~Graph() = default;

Status Device::chooseOrder(const std::string &text) {
  return error(Code::Usage, "--seed-order ", text, ": device '", name(),
               "' draws no order; --device virtual does");
}

Status Queue::launchGraph(Graph &) {
  return Status(Code::Internal, "a graph is launched on a device that captures none");
}

static Status capturesNone(const char *name) {
  return error(Code::Internal, "device '", name, "' captures no commands");
}
Status QueueDevice::beginCapture(Queue &) { return capturesNone(name()); }
Status QueueDevice::endCapture(Queue &, std::unique_ptr<Graph> &) { return capturesNone(name()); }

} // namespace dpcrt
