// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device behind a fence: its addresses are those of no memory of this process, and
// every range is checked to lie in what it allocated. Who follows an address crashes; who
// makes one up ends the test. Messages lie far from all else.
#pragma once
#include "devices/HostDevice.h"
#include <functional>

namespace dpcrt::test {

std::unique_ptr<HostDevice> makeFencedDevice(unsigned threads);
// `told`: of each allocation by others.
using Told = std::function<void(uint64_t bytes, MemoryKind kind, DeviceAddress address)>;
std::unique_ptr<HostDevice> makeToldDevice(unsigned threads, Told told);

} // namespace dpcrt::test
