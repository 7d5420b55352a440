// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Conflicts.h"
#include "Mixing.h"

#include <algorithm>
#include <map>

using namespace mutants;

namespace {

// Which nodes each node comes behind, a bit each.
class Behind {
public:
  explicit Behind(const Unfolding &program)
      : words((program.nodes + 63) / 64), before(size_t(program.nodes) * words) {
    auto edges = program.edges;
    std::sort(edges.begin(), edges.end(), [](auto &a, auto &b) { return a.second < b.second; });
    for (auto [from, to] : edges) {
      uint64_t *own = &before[size_t(to) * words];
      const uint64_t *other = &before[size_t(from) * words];
      for (size_t w = 0; w <= from / 64; ++w)
        own[w] |= other[w];
      own[from / 64] |= uint64_t(1) << from % 64;
    }
  }
  bool operator()(uint32_t a, uint32_t b) const {
    return before[size_t(b) * words + a / 64] >> a % 64 & 1;
  }

private:
  size_t words;
  std::vector<uint64_t> before;
};

} // namespace

ConflictOrder mutants::orderConflicts(const Unfolding &program) {
  ConflictOrder order;
  Behind isBefore(program);
  // Accesses by where they begin: those that may overlap stand together.
  std::vector<Access> accesses = program.accesses;
  std::sort(accesses.begin(), accesses.end(), [](const Access &a, const Access &b) {
    return std::make_pair(a.arena, a.begin) < std::make_pair(b.arena, b.begin);
  });
  std::map<uint32_t, uint64_t> longest; // access of each arena
  for (const Access &access : accesses) {
    longest[access.arena] = std::max(longest[access.arena], access.end - access.begin);
    order.digest += mix(access.key, access.arena, access.begin, access.end);
  }
  for (size_t i = 0; i < accesses.size(); ++i)
    for (size_t j = i + 1; j < accesses.size() && accesses[j].arena == accesses[i].arena; ++j) {
      const Access &a = accesses[i], &b = accesses[j];
      if (longest[a.arena] + a.begin <= b.begin)
        break; // nothing that begins later reaches back
      if (b.begin >= a.end || (!a.writes && !b.writes) || a.node == b.node)
        continue;
      if (isBefore(a.node, b.node))
        order.digest += mix(a.key, b.key);
      else if (isBefore(b.node, a.node))
        order.digest += mix(b.key, a.key);
      else
        ++order.unordered;
    }
  return order;
}
