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

Status Device::chooseOrder(const std::string &text) {
  return error(Code::Usage, "--seed-order ", text, ": device '", name(),
               "' draws no order; --device virtual does");
}

} // namespace dpcrt
