// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A clock that stands until somebody sleeps, so that tests of times do not depend on how
// fast a machine is.
#pragma once
#include "devices/virtual/ClockDevice.h"
#include <algorithm>

namespace dpcrt::test {

class ManualClock : public HostClock {
public:
  int64_t now() override { return time; }
  void sleepUntil(int64_t until) override { time = std::max(time, until); }
  int64_t time = 0;
};

} // namespace dpcrt::test
