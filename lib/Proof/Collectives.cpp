// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Collectives.h.
#include "Collectives.h"

#include <algorithm>

namespace fb = dpcrt::fb;

namespace dpc::proof {

void carryOut(Terms &terms, fb::CollectiveKind kind, Function sum,
              const std::vector<Pieces> &brought, Site site, std::vector<Pieces> &taken) {
  const size_t members = brought.size();
  const uint64_t bytes = byteCount(brought[0]), part = bytes / members;
  auto cut = [&](const Pieces &from, uint64_t begin, Pieces &to) {
    terms.cut(terms.join(from), begin, part, to);
  };
  taken.assign(members, {});
  switch (kind) {
  case fb::CollectiveKind::AllReduce:
    terms.combine(sum, brought, site, taken[0]);
    std::fill(taken.begin() + 1, taken.end(), taken[0]);
    return;
  case fb::CollectiveKind::AllGather:
    for (const Pieces &from : brought)
      for (const Piece &piece : from)
        append(terms, taken[0], piece);
    std::fill(taken.begin() + 1, taken.end(), taken[0]);
    return;
  case fb::CollectiveKind::ReduceScatter: {
    Pieces whole;
    terms.combine(sum, brought, site, whole);
    for (size_t m = 0; m < members; ++m)
      cut(whole, m * part, taken[m]);
    return;
  }
  case fb::CollectiveKind::AllToAll:
    for (size_t m = 0; m < members; ++m)
      for (const Pieces &from : brought)
        cut(from, m * part, taken[m]);
    return;
  }
}

} // namespace dpc::proof
