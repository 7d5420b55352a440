// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Looped, breadth first. Source: Lamy-Poirier, Breadth-First Pipeline Parallelism,
// MLSys 2023; PyTorch's ScheduleLoopedBFS. P = 2, v = 2, M = 4:
//
//   rank 0  0F0 0F1 0F2 0F3 2F0 2F1 2F2 2F3         2B3 2B2 2B1 2B0 0B3 0B2 0B1 0B0
//   rank 1      1F0 1F1 1F2 1F3 3F0 3F1 3F2 3F3 3B3 3B2 3B1 3B0 1B3 1B2 1B1 1B0
//
// All micro-batches through a chunk before the next chunk's turn, backwards in the
// reverse order of everything: few, long visits to each chunk's weights, which is
// what sharded parameters want. Idle (P-1)(F+B)/v; peak M activations.
#include "Fixed.h"

namespace dpc::schedule {

Table makeLoopedBfs(const Request &request) {
  unsigned chunks = findGenerator("looped-bfs")->chunks(request);
  Table table = startTable("looped-bfs", request, Placement::Loop, chunks);
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    auto add = [&](Kind kind, unsigned chunk, unsigned microBatch) {
      table.actions[rank].push_back({{kind, chunk * table.ranks + rank, microBatch}, {}});
    };
    for (unsigned chunk = 0; chunk < chunks; ++chunk)
      for (unsigned m = 0; m < table.microBatches; ++m)
        add(Kind::Forward, chunk, m);
    for (unsigned chunk = chunks; chunk-- > 0;)
      for (unsigned m = table.microBatches; m-- > 0;)
        add(Kind::Backward, chunk, m);
  }
  return table;
}

} // namespace dpc::schedule
