// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each kind of device adds one row here.
#include "session/DeviceKinds.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"

namespace dpcrt {

static std::unique_ptr<Device> makeCpu(unsigned threads) { return makeCpuDevice(threads); }

static const DeviceKind kinds[] = {
    {"cpu", "cpu", checkCpuFeatures, makeCpu},
};

const DeviceKind *findDeviceKind(const std::string &name, std::string &known) {
  for (const DeviceKind &kind : kinds) {
    if (name == kind.name)
      return &kind;
    known += (known.empty() ? "" : ", ") + std::string(kind.name);
  }
  return nullptr;
}

} // namespace dpcrt
