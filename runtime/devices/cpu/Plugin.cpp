// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device for programs that do not link oneDNN.
#include "devices/DevicePlugin.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"

using namespace dpcrt;

static Status makeDevice(unsigned threads, std::unique_ptr<Device> &out) {
  out = makeCpuDevice(threads);
  return {};
}

const Plugin *dpcrt_device_plugin() {
  static const DeviceKind kind{"cpu", "cpu", checkCpuFeatures, makeDevice};
  static const Plugin plugin{DPCRT_PLUGIN_VERSION, &kind};
  return &plugin;
}
