// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Shards.h.
#include "Shards.h"

#include "program/format/Optimizers.h"

#include <algorithm>
#include <numeric>

namespace dpc::lowering {

std::vector<std::vector<Shard>> cutIntoShards(const std::vector<int64_t> &elements,
                                              unsigned members, ShardUnit unit) {
  const int64_t total = std::accumulate(elements.begin(), elements.end(), int64_t(0));
  // The place of a cut, counted over all parameters, and the parameter it lies in.
  std::vector<std::vector<Shard>> shards(members);
  unsigned parameter = 0;
  int64_t first = 0; // of the parameter, over all
  int64_t done = 0;  // of its elements
  for (unsigned m = 0; m < members; ++m) {
    const int64_t wanted = total / members * (m + 1) + total % members * (m + 1) / members;
    for (; parameter < elements.size(); ++parameter) {
      const int64_t count = elements[parameter];
      int64_t end = count;
      if (m + 1 < members && first + count > wanted) {
        // The nearer of the two cuts around what would be an equal part.
        const int64_t inside = std::max<int64_t>(wanted - first, 0);
        const int64_t step = unit == ShardUnit::Block ? int64_t(dpcrt::kSquareBlock) : count;
        const int64_t below = inside / step * step, above = std::min(below + step, count);
        end = std::max(inside - below <= above - inside ? below : above, done);
      }
      if (end > done)
        shards[m].push_back({parameter, done, end - done});
      done = end;
      if (end < count)
        break;
      first += count;
      done = 0;
    }
  }
  return shards;
}

} // namespace dpc::lowering
