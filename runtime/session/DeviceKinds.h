// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The devices that --device names, one row each.
#pragma once
#include "devices/DeviceKind.h"

namespace dpcrt {

// The names, in this build.
std::vector<std::string> deviceKindNames();

// Opens it, if it is a plug-in. Errors have code Device; one without such a device lists
// those that there are.
Status findDeviceKind(const std::string &name, const DeviceKind *&out);

// The virtual device of given times (devices/virtual/ClockDevice.h). It runs none of a target's
// code, so any of its device will do.
const DeviceKind &virtualClockKind();

} // namespace dpcrt
