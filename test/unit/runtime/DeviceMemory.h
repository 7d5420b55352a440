// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of a test in a device's memory and back.
#pragma once
#include "devices/Device.h"
#include <gtest/gtest.h>

namespace dpcrt::test {

template <typename T> DeviceAddress onDevice(Device &device, const std::vector<T> &values) {
  DeviceAddress address;
  Status s = device.allocate(values.size() * sizeof(T), MemoryKind::Device, address);
  if (s.ok())
    s = device.upload(address, values.data(), values.size() * sizeof(T));
  EXPECT_TRUE(s.ok()) << s.message();
  return address;
}

template <typename T>
std::vector<T> fromDevice(Device &device, DeviceAddress address, size_t count) {
  std::vector<T> values(count);
  Status s = device.download(values.data(), address, count * sizeof(T));
  EXPECT_TRUE(s.ok()) << s.message();
  return values;
}

} // namespace dpcrt::test
