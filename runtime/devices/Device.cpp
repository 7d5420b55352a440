// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anchors of the device interface.
#include "devices/HostDevice.h"

namespace dpcrt {

Lane::~Lane() = default;
PreparedLaunch::~PreparedLaunch() = default;
PreparedCall::~PreparedCall() = default;
Device::~Device() = default;

} // namespace dpcrt
