// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// First-fit packing of lifetimes; see Arena.h.
#include "Arena.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <numeric>
#include <set>

namespace dpc::lowering {

int64_t packArena(std::vector<LiveRange> &ranges) {
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (ranges[a].first != ranges[b].first)
      return ranges[a].first < ranges[b].first;
    return ranges[a].bytes > ranges[b].bytes;
  });

  std::map<int64_t, int64_t> used;              // offset -> end, disjoint
  std::set<std::pair<int64_t, size_t>> byDeath; // (last, range)
  int64_t size = 0;
  for (size_t r : order) {
    LiveRange &range = ranges[r];
    assert(range.first <= range.last && "a range dies before it is born");
    while (!byDeath.empty() && byDeath.begin()->first < range.first) {
      used.erase(ranges[byDeath.begin()->second].offset);
      byDeath.erase(byDeath.begin());
    }
    int64_t bytes = std::max<int64_t>(alignUp(range.bytes), kAlignment);
    int64_t at = 0;
    for (auto [begin, end] : used) {
      if (begin - at >= bytes)
        break;
      at = end;
    }
    range.offset = at;
    used[at] = at + bytes;
    byDeath.insert({range.last, r});
    size = std::max(size, at + bytes);
  }
  return size;
}

int64_t packTightly(std::vector<LiveRange> &ranges) {
  std::vector<LiveRange> tight = ranges;
  std::vector<size_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return ranges[a].bytes > ranges[b].bytes; });
  auto sizeOf = [](const LiveRange &range) {
    return std::max<int64_t>(alignUp(range.bytes), kAlignment);
  };
  std::vector<size_t> placed;
  int64_t size = 0;
  for (size_t r : order) {
    LiveRange &range = tight[r];
    std::map<int64_t, int64_t> used; // offset -> end of those that live at the same time
    for (size_t other : placed)
      if (tight[other].first <= range.last && range.first <= tight[other].last) {
        int64_t &end = used[tight[other].offset];
        end = std::max(end, tight[other].offset + sizeOf(tight[other]));
      }
    int64_t at = 0;
    for (auto [begin, end] : used) {
      if (begin - at >= sizeOf(range))
        break;
      at = std::max(at, end);
    }
    range.offset = at;
    placed.push_back(r);
    size = std::max(size, at + sizeOf(range));
  }
  int64_t plain = packArena(ranges);
  if (plain <= size)
    return plain;
  ranges = std::move(tight);
  return size;
}

} // namespace dpc::lowering
