// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The devices of this build, one row each.
#pragma once
#include "devices/Device.h"

namespace dpcrt {

struct DeviceKind {
  const char *name;   // as --device says it
  const char *target; // device of the artifact's target whose kernels it runs
  // Error (code Device) naming what a target needs and the machine lacks.
  Status (*check)(const std::vector<std::string> &features);
  std::unique_ptr<Device> (*make)(unsigned threads);
};

// Null if this build has no such device; `known` then lists those it has.
const DeviceKind *findDeviceKind(const std::string &name, std::string &known);

} // namespace dpcrt
