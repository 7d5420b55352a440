// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each kind of device adds one row here.
#include "session/DeviceKinds.h"
#include "devices/DevicePlugin.h"
#include "devices/virtual/ClockDevice.h"
#include "devices/virtual/VirtualDevice.h"

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

// It opens NVIDIA's libraries itself, when somebody asks what the machine has.
Status openCuda(const DeviceKind *&out) {
  return openDevicePlugin("libdpcrt-cuda.so", "nothing but the C and C++ libraries", out);
}

// The virtual device computes with the CPU's kernels, whose plug-in is opened for it.
const DeviceKind *kernels = nullptr;

Status makeVirtual(unsigned threads, std::unique_ptr<Device> &out) {
  std::unique_ptr<Device> device;
  if (Status s = kernels->make(threads, device); !s.ok())
    return s;
  HostDevice *host = device->host();
  device.release(); // is the same object
  out = makeVirtualDevice(std::unique_ptr<HostDevice>(host));
  return {};
}

Status openVirtual(const DeviceKind *&out) {
  if (Status s = openCpu(kernels); !s.ok())
    return s;
  static const DeviceKind kind{"virtual", "cpu", kernels->check, makeVirtual};
  out = &kind;
  return {};
}

Status needNothing(const std::vector<std::string> &) { return {}; }
Status makeVirtualClock(unsigned, std::unique_ptr<Device> &out) {
  out = makeClockDevice();
  return {};
}

const Row rows[] = {
    {"cpu", openCpu},
    {"virtual", openVirtual},
    {"cuda", openCuda},
};
} // namespace

std::vector<std::string> deviceKindNames() {
  std::vector<std::string> names;
  for (const Row &row : rows)
    names.push_back(row.name);
  return names;
}

Status findDeviceKind(const std::string &name, const DeviceKind *&out) {
  std::string known;
  for (const Row &row : rows) {
    if (name == row.name)
      return row.open(out).within("device '" + name + "'");
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return error(Code::Device, "there is no device '", name, "'; this build has ", known);
}

const DeviceKind &virtualClockKind() {
  static const DeviceKind kind{"virtual", "cpu", needNothing, makeVirtualClock};
  return kind;
}

} // namespace dpcrt
