// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Collectives.h.
#include "Collectives.h"

#include <algorithm>

namespace fb = dpcrt::fb;

namespace dpc::proof {

// All members have one range, in which each has a part of its own.
static void carryOutInParts(Terms &terms, fb::CollectiveKind kind, Function sum,
                            const std::vector<uint64_t> &parts, const std::vector<Pieces> &brought,
                            Site site, std::vector<Pieces> &taken) {
  const size_t members = brought.size();
  const uint64_t bytes = byteCount(brought[0]);
  auto cut = [&](Term from, uint64_t begin, uint64_t end, Pieces &to) {
    if (begin == end)
      return;
    Pieces part;
    terms.cut(from, begin, end - begin, part);
    for (const Piece &piece : part)
      append(terms, to, piece);
  };
  Pieces sums;
  if (kind == fb::CollectiveKind::ReduceScatter)
    terms.combine(sum, brought, site, sums);
  const Term whole = sums.empty() ? Term() : terms.join(sums);
  Pieces gathered;
  uint64_t begin = 0;
  for (size_t m = 0; m < members; ++m) {
    const uint64_t end = begin + parts[m];
    const Term own = terms.join(brought[m]);
    if (kind == fb::CollectiveKind::ReduceScatter) {
      cut(own, 0, begin, taken[m]);
      cut(whole, begin, end, taken[m]);
      cut(own, end, bytes, taken[m]);
    } else {
      cut(own, begin, end, gathered);
    }
    begin = end;
  }
  if (kind != fb::CollectiveKind::ReduceScatter)
    std::fill(taken.begin(), taken.end(), gathered);
}

void carryOut(Terms &terms, fb::CollectiveKind kind, Function sum,
              const std::vector<uint64_t> &parts, const std::vector<Pieces> &brought, Site site,
              std::vector<Pieces> &taken) {
  taken.assign(brought.size(), {});
  if (!parts.empty())
    return carryOutInParts(terms, kind, sum, parts, brought, site, taken);
  const size_t members = brought.size();
  const uint64_t bytes = byteCount(brought[0]), part = bytes / members;
  auto cut = [&](const Pieces &from, uint64_t begin, Pieces &to) {
    terms.cut(terms.join(from), begin, part, to);
  };
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
