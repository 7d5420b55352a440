// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ZB-H2. Source: Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, where it is
// called ZB-2p for its memory. P = 3, M = 6:
//
//   rank 0  F0 F1 F2 F3 F4       I0 W0 F5 I1 W1 I2 W2 I3 W3 I4 W4 I5 W5
//   rank 1     F0 F1 F2       I0 F3 I1 F4 I2 W0 F5 I3 W1 I4 W2 I5 W3 W4 W5
//   rank 2        F0 I0 F1 I1 F2 I2 F3 I3 F4 I4 W0 F5 I5 W1 W2 W3 W4 W5
//
// Twice the forwards of ZB-H1 before the first backward, and rank r's weight halves
// 2r micro-batches late, so that no rank waits between its first and last action iff
// F + I = 2W. Within the makespan it idles as ZB-H1 does: ranks start and stop one
// after the other, which only a step without a common end could use. Peak 2P-1.
#include "Fixed.h"

#include <algorithm>

namespace dpc::schedule {

Table makeZbH2(const Request &request) {
  Table table = startTable("zb-h2", request, Placement::Linear);
  unsigned P = table.ranks, M = table.microBatches;
  for (unsigned rank = 0; rank < P; ++rank) {
    auto add = [&](Kind kind, unsigned microBatch) {
      table.actions[rank].push_back({{kind, rank, microBatch}, {}});
    };
    unsigned forward = 0, weight = 0;
    while (forward < std::min(2 * (P - rank) - 1, M))
      add(Kind::Forward, forward++);
    for (unsigned m = 0; m < M; ++m) {
      add(Kind::Input, m);
      if (m >= 2 * rank)
        add(Kind::Weight, weight++);
      if (forward < M)
        add(Kind::Forward, forward++);
    }
    while (weight < M)
      add(Kind::Weight, weight++);
  }
  return table;
}

} // namespace dpc::schedule
