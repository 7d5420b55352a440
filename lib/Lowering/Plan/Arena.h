// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packs byte ranges with lifetimes into one arena.
//
// A lifetime is an interval of positions in the rank's sequence, both ends
// included: the range is first touched by the item at `first` and not touched
// after the item at `last`. Ranges whose lifetimes meet never overlap. The
// packing is first fit in order of birth, the largest first among those born
// together, which keeps stashes of equal size in a ring as a schedule's steady
// state wants it.
#ifndef DPC_LIB_LOWERING_PLAN_ARENA_H
#define DPC_LIB_LOWERING_PLAN_ARENA_H

#include <cstdint>
#include <vector>

namespace dpc::lowering {

/// Every range starts at a multiple of this, which suits vector loads and keeps
/// two ranges off one cache line.
inline constexpr int64_t kAlignment = 64;

inline int64_t alignUp(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct LiveRange {
  int64_t bytes = 0;
  int64_t first = 0;
  int64_t last = 0;
  /// Set by packArena.
  int64_t offset = -1;
};

/// Sets every range's offset and returns the bytes of the arena.
int64_t packArena(std::vector<LiveRange> &ranges);

/// The same for few ranges of very different sizes: first fit with the largest first,
/// whenever they are born, if that is smaller. Takes time quadratic in the ranges.
int64_t packTightly(std::vector<LiveRange> &ranges);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_ARENA_H
