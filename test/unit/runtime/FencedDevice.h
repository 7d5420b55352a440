// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU device behind a fence: its addresses are those of no memory of this process, and
// every range is checked to lie in what it allocated. Who follows an address crashes; who
// makes one up ends the test.
#pragma once
#include "devices/HostDevice.h"

namespace dpcrt::test {

std::unique_ptr<HostDevice> makeFencedDevice(unsigned threads);

} // namespace dpcrt::test
