// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kind of device: for which of an artifact's targets it is, and how one is made.
#pragma once
#include "devices/Device.h"
#include <memory>

namespace dpcrt {

struct DeviceKind {
  const char *name;   // as --device says it
  const char *target; // device of the artifact's target whose kernels it runs
  // Error (code Device) naming what a target needs and the machine lacks.
  Status (*check)(const std::vector<std::string> &features);
  // Error where what it needs is missing or fails; `out` is then left alone.
  Status (*make)(unsigned threads, std::unique_ptr<Device> &out);
};

} // namespace dpcrt
