// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether all ranks that hold a parameter hold the same of it.
#pragma once
#include "session/Memory.h"

namespace dpcrt {

// Weights of all holders of a parameter, and moments of all that keep the same ones, bit
// for bit. Errors of those that differ have code Difference.
Status compareHolders(Device &device, const RankMemory &memory);

} // namespace dpcrt
