// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run means on a device that takes times and computes nothing.
#pragma once
#include "dpc-run/RunOptions.h"

namespace dpcrt {

// Refuses with --virtual-clock what would need or keep values that nobody computes, and turns
// checkpoints off.
Status settleVirtualClock(RunOptions &options);

// A note about what the run shows, with what its times are multiplied by.
std::string describeVirtualClock(double factor);

} // namespace dpcrt
