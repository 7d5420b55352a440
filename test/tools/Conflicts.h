// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// In which order a program accesses what it accesses twice, found the plain way: every pair
// of accesses is looked at.
#pragma once
#include "Unfolding.h"

namespace mutants {

/// Of the pairs of accesses of the same bytes, one of them a write.
struct ConflictOrder {
  /// Those that the rank's own streams and events do not order.
  uint64_t unordered = 0;
  /// A digest of all others and of their order, and of what is accessed at all: the same for
  /// programs that access the same bytes in the same order.
  uint64_t digest = 0;
};

/// Of a program that waits for nothing later.
ConflictOrder orderConflicts(const Unfolding &program);

} // namespace mutants
