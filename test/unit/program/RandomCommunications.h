// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include "Builder.h"
#include "Random.h"

namespace dpcrt::test {

constexpr uint32_t kRanks = 3;

/// Exchanges of random size and order between three ranks, and reductions over all
/// of them, on two streams, with random waits for exchanges, reductions and single
/// transfers; per pair of ranks the order of messages is the same.
Programs randomCommunications(Random &random);

} // namespace dpcrt::test
