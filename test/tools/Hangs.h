// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether ranks wait for each other for ever, found by letting them go on as far as they
// can.
#pragma once
#include "Unfolding.h"

namespace mutants {

/// How a device carries out communications; each has the waits of those before it.
enum class Device {
  AsAsked,        // a message ends when both its exchanges have started
  WholeExchanges, // and when all messages of both of them can
  OneByOne        // and a rank's communications follow each other in list order
};

/// True if some node of some rank never ends.
bool hangs(const std::vector<const Unfolding *> &ranks, Device device);

} // namespace mutants
