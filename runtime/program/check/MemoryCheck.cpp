// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conflicting accesses of byte ranges.

#include "program/check/MemoryCheck.h"

#include "program/format/Program.h"

#include <algorithm>
#include <cassert>

using namespace dpcrt;

namespace {

constexpr uint32_t kNone = UINT32_MAX;

/// A piece of memory that no use covers in part.
struct Piece {
  uint32_t write = kNone;      ///< last use that wrote it
  std::vector<uint32_t> reads; ///< last use per axis that read it since
};

/// All ends of ranges in one space. Programs use few distinct ones very often,
/// so what is collected is thinned whenever it has doubled.
class Ends {
public:
  void add(uint64_t end) {
    ends.push_back(end);
    if (ends.size() > 2 * distinct + 256)
      thin();
  }
  void thin() {
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    distinct = ends.size();
  }
  size_t indexOf(uint64_t end) const {
    auto it = std::lower_bound(ends.begin(), ends.end(), end);
    assert(it != ends.end() && *it == end && "every end was collected");
    return static_cast<size_t>(it - ends.begin());
  }
  uint64_t operator[](size_t index) const { return ends[index]; }
  size_t size() const { return ends.size(); }

private:
  std::vector<uint64_t> ends;
  size_t distinct = 0;
};

} // namespace

static bool isPadding(const MemoryUse &use, uint64_t begin, uint64_t end) {
  return (use.flags & kMoves) && begin > use.begin && end - begin < kAlignment &&
         (end % kAlignment == 0 || end == use.end);
}

void dpcrt::checkMemory(const Clocks &clocks, const EventGraph &graph,
                        const std::vector<MemoryUse> &uses, const std::vector<bool> &tracked,
                        const MemoryFindings &findings) {
  std::vector<Ends> ends(tracked.size());
  for (const MemoryUse &use : uses) {
    assert(use.begin < use.end && use.space < tracked.size());
    ends[use.space].add(use.begin);
    ends[use.space].add(use.end);
  }
  std::vector<std::vector<Piece>> pieces(tracked.size());
  for (size_t space = 0; space < ends.size(); ++space) {
    ends[space].thin();
    pieces[space].resize(ends[space].size());
  }

  auto conflict = [&](uint32_t earlier, uint32_t later) {
    uint32_t a = uses[earlier].node, b = uses[later].node;
    if (a != b && !clocks.before(a, b))
      findings.race(earlier, later);
  };
  for (uint32_t number = 0; number < uses.size(); ++number) {
    const MemoryUse &use = uses[number];
    size_t first = ends[use.space].indexOf(use.begin);
    size_t last = ends[use.space].indexOf(use.end);
    Piece *piece = pieces[use.space].data();

    if ((use.flags & kNeeds) && tracked[use.space]) {
      for (size_t at = first; at < last; ++at) {
        if (piece[at].write != kNone)
          continue;
        size_t gap = at;
        while (at < last && piece[at].write == kNone)
          ++at;
        uint64_t begin = ends[use.space][gap], end = ends[use.space][at];
        if (!isPadding(use, begin, end))
          findings.unwritten(number, begin, end);
      }
    }
    if (use.flags & kReads) {
      uint32_t axis = graph.nodes[use.node].axis;
      for (size_t at = first; at < last; ++at) {
        if (piece[at].write != kNone)
          conflict(piece[at].write, number);
        auto same =
            std::find_if(piece[at].reads.begin(), piece[at].reads.end(),
                         [&](uint32_t read) { return graph.nodes[uses[read].node].axis == axis; });
        if (same != piece[at].reads.end())
          *same = number;
        else
          piece[at].reads.push_back(number);
      }
    }
    if (use.flags & kWrites) {
      for (size_t at = first; at < last; ++at) {
        if (piece[at].write != kNone)
          conflict(piece[at].write, number);
        for (uint32_t read : piece[at].reads)
          conflict(read, number);
        piece[at].reads.clear();
        piece[at].write = number;
      }
    }
  }
}
