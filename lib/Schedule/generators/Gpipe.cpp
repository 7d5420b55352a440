// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// GPipe. Source: Huang et al., GPipe, NeurIPS 2019.
//
//   rank 0  F0 F1 F2 F3          ..          B0 B1 B2 B3
//   rank 1     F0 F1 F2 F3       ..       B0 B1 B2 B3
//   rank 2        F0 F1 F2 F3    ..    B0 B1 B2 B3
//   rank 3           F0 F1 F2 F3 B0 B1 B2 B3
//
// Idle (P-1)(F+B) per rank; every rank holds M activations at the turn.
#include "Fixed.h"

namespace dpc::schedule {

Table makeGpipe(const Request &request) {
  Table table = startTable("gpipe", request, Placement::Linear);
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (Kind kind : {Kind::Forward, Kind::Backward})
      for (unsigned m = 0; m < table.microBatches; ++m)
        table.actions[rank].push_back({{kind, rank, m}, {}});
  return table;
}

} // namespace dpc::schedule
