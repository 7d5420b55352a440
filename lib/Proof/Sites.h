// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where terms were made, for messages: the command of a program or the operation of a
// body that first made one. Whoever makes terms opens a range of sites for what it is
// about to carry out and numbers its commands in it.
#ifndef DPC_LIB_PROOF_SITES_H
#define DPC_LIB_PROOF_SITES_H

#include "Terms.h"

#include <algorithm>

namespace dpc::proof {

/// Says what a site of its own is.
class SiteNames {
public:
  virtual ~SiteNames() = default;
  /// `range` is what the range was opened with, `index` counts from its begin.
  virtual std::string describe(uint64_t range, uint32_t index) const = 0;
};

class Sites {
public:
  /// The first of `count` sites.
  Site open(const SiteNames &names, uint64_t range, uint32_t count) {
    ranges.push_back({next, &names, range});
    next += count;
    return ranges.back().first;
  }
  /// "" for the site of a leaf.
  std::string describe(Site site) const {
    if (site == 0)
      return "";
    auto after = std::upper_bound(ranges.begin(), ranges.end(), site,
                                  [](Site s, const Range &range) { return s < range.first; });
    const Range &range = *std::prev(after);
    return range.names->describe(range.range, site - range.first);
  }

  /// Forgets all ranges opened since there were `count`.
  size_t count() const { return ranges.size(); }
  void forget(size_t count) { ranges.resize(count); }

private:
  struct Range {
    Site first;
    const SiteNames *names;
    uint64_t range;
  };
  std::vector<Range> ranges;
  Site next = 1;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_SITES_H
