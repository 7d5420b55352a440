// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device for programs that do not link oneDNN.
#include "devices/DevicePlugin.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"

using namespace dpcrt;

static std::unique_ptr<Device> makeDevice(unsigned threads) { return makeCpuDevice(threads); }

const Plugin *dpcrt_device_plugin() {
  static const DeviceKind kind{"cpu", "cpu", checkCpuFeatures, makeDevice};
  static const Plugin plugin{DPCRT_PLUGIN_VERSION, &kind};
  return &plugin;
}
