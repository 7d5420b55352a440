// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether all ranks that hold a parameter hold the same of it.
#pragma once
#include "session/Memory.h"
#include "world/World.h"

namespace dpcrt {

// Weights of all holders of a parameter, and moments of all that keep the same ones, bit
// for bit. Errors of those that differ have code Difference.
Status compareHolders(Device &device, const RankMemory &memory);
// The same between processes, each of which has found its own holders equal; together.
Status compareWithOthers(Device &device, const RankMemory &memory, World &world);

} // namespace dpcrt
