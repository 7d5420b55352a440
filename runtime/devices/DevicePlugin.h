// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices that need more than the C and C++ libraries are shared objects of their own,
// opened when somebody asks for one: a program starts where what they need is absent.
// They are C++ on both sides, so both must be of one build.
#pragma once
#include "devices/DeviceKind.h"

namespace dpcrt {

struct DevicePlugin {
  uint32_t version; // DPCRT_PLUGIN_VERSION where the plug-in was compiled; always comes first
  const DeviceKind *kind;
};

// Opens the plug-in `file`, by its name: beside the program or library that this code is
// in, in the folder lib beside that one's, or where the dynamic loader looks. It stays open.
// `needs`: what it needs and who installs that, for the message where it cannot be loaded.
Status openDevicePlugin(const std::string &file, const std::string &needs, const DeviceKind *&out);

} // namespace dpcrt

// The one function that a plug-in has for others.
extern "C" __attribute__((visibility("default"))) const dpcrt::DevicePlugin *
dpcrt_device_plugin(void);
