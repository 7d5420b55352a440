// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices that need more than the C and C++ libraries, as plug-ins.
#pragma once
#include "devices/DeviceKind.h"
#include "plugins/Plugin.h"

// The one function that a device's plug-in has for others; its kind is a DeviceKind.
extern "C" __attribute__((visibility("default"))) const dpcrt::Plugin *dpcrt_device_plugin(void);

namespace dpcrt {

inline Status openDevicePlugin(const std::string &file, const std::string &needs,
                               const DeviceKind *&out) {
  const void *kind = nullptr;
  Status s = openPlugin({"a device", "dpcrt_device_plugin"}, file, needs, kind);
  out = static_cast<const DeviceKind *>(kind);
  return s;
}

} // namespace dpcrt
