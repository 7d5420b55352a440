// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// 1F1B. Source: Narayanan et al., PipeDream-Flush, ICML 2021.
//
//   rank 0  F0 F1 F2 F3 ..        B0 F4 B1 F5 B2 F6 ..
//   rank 1     F0 F1 F2 ..     B0 F3 B1 F4 B2 F5 ..
//   rank 2        F0 F1 ..  B0 F2 B1 F3 B2 F4 ..
//   rank 3           F0 B0 F1 B1 F2 B2 F3 ..
//
// Idle (P-1)(F+B) like GPipe, but rank r holds at most P-r activations.
#include "Fixed.h"

#include <algorithm>

namespace dpc::schedule {

Table make1f1b(const Request &request) {
  Table table = startTable("1f1b", request, Placement::Linear);
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    auto add = [&](Kind kind, unsigned microBatch) {
      table.actions[rank].push_back({{kind, rank, microBatch}, {}});
    };
    unsigned forward = 0, backward = 0;
    while (forward < std::min(table.microBatches, table.ranks - rank))
      add(Kind::Forward, forward++);
    while (backward < table.microBatches) {
      add(Kind::Backward, backward++);
      if (forward < table.microBatches)
        add(Kind::Forward, forward++);
    }
  }
  return table;
}

} // namespace dpc::schedule
