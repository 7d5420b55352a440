// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ZB-H1, which DeepSeek calls ZB1P. Source: Qi et al., Zero Bubble Pipeline
// Parallelism, ICLR 2024; the form of PyTorch's ScheduleInterleavedZeroBubble
// with one chunk.
//
//   rank 0  F0 F1 F2 F3          I0 W0 F4 I1 W1 F5 ..   I W
//   rank 1     F0 F1 F2       F3 I0    F4 I1 W0 F5 ..   I W W
//   rank 2        F0 F1    F2 I0 F3 I1    F4 I2 W0 ..   W W W
//   rank 3           F0 I0 F1 I1 F2 I2    F3 I3 W0 ..   W W W W
//
// Rank r delays its weight halves by r micro-batches, so that they fill what
// 1F1B leaves idle at the end. Idle (P-1)(F+I-W); peak P activations.
#include "Fixed.h"

#include <algorithm>

namespace dpc::schedule {

Table makeZbH1(const Request &request) {
  Table table = startTable("zb-h1", request, Placement::Linear);
  unsigned M = table.microBatches;
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    auto add = [&](Kind kind, unsigned microBatch) {
      table.actions[rank].push_back({{kind, rank, microBatch}, {}});
    };
    unsigned warm = std::min(table.ranks - 1 - rank, M), weight = 0;
    for (unsigned op = 0; op < M + warm; ++op) {
      if (op < M)
        add(Kind::Forward, op);
      if (op < warm)
        continue;
      add(Kind::Input, op - warm);
      if (op - warm >= rank)
        add(Kind::Weight, weight++);
    }
    while (weight < M)
      add(Kind::Weight, weight++);
  }
  return table;
}

} // namespace dpc::schedule
