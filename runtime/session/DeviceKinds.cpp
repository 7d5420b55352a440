// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each kind of device adds one row here.
#include "session/DeviceKinds.h"
#include "devices/DevicePlugin.h"

namespace dpcrt {
namespace {
struct Row {
  const char *name;
  Status (*open)(const DeviceKind *&out);
};

Status openCpu(const DeviceKind *&out) {
  return openDevicePlugin(
      "libdpcrt-cpu.so",
      "oneDNN and GNU OpenMP (on Debian and Ubuntu: apt install " DPCRT_CPU_PACKAGES ")", out);
}

const Row rows[] = {
    {"cpu", openCpu},
};
} // namespace

Status findDeviceKind(const std::string &name, const DeviceKind *&out) {
  std::string known;
  for (const Row &row : rows) {
    if (name == row.name)
      return row.open(out).within("device '" + name + "'");
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return error(Code::Device, "there is no device '", name, "'; this build has ", known);
}

} // namespace dpcrt
