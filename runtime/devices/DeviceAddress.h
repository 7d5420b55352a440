// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A place in a device's memory. It may be a pointer of this process, or mean nothing to
// it: so nobody can follow it but devices, which alone make these and look into them.
// Everybody else adds offsets and hands it on.
#pragma once
#include <cstdint>

namespace dpcrt {

class DeviceAddress {
public:
  DeviceAddress() = default;
  explicit operator bool() const { return value != nullptr; }

  friend DeviceAddress operator+(DeviceAddress a, uint64_t bytes) {
    // As a number: it need not be a pointer into anything of this process.
    a.value = reinterpret_cast<void *>(reinterpret_cast<uintptr_t>(a.value) + bytes);
    return a;
  }
  // How far behind a multiple of `bytes` it lies.
  friend uint64_t operator%(DeviceAddress a, uint64_t bytes) {
    return reinterpret_cast<uintptr_t>(a.value) % bytes;
  }
  friend bool operator==(DeviceAddress a, DeviceAddress b) { return a.value == b.value; }
  friend bool operator!=(DeviceAddress a, DeviceAddress b) { return a.value != b.value; }

private:
  friend class Device; // which lets those derived from it through
  void *value = nullptr;
};

} // namespace dpcrt
