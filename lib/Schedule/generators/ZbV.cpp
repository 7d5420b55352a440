// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ZB-V. Source: Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024, section 6;
// PyTorch's ScheduleZBVZeroBubble. Rank r holds stage r on the way down and stage
// 2P-1-r on the way back, so the loss is on rank 0 and rank P-1 turns around
// without a message. P = 2, M = 4:
//
//   rank 0  0F0 0F1 0F2 3F0 3I0 3W0 3F1 3I1 3W1 0F3 0I0 0W0 3F2 3I2 3W2 0I1 0W1 3F3 3I3 3W3 0I2 0W2
//   0I3 0W3 rank 1      1F0 2F0 1F1 2F1 2I0 2W0 1F2 1I0 1W0 2F2 2I1 2W1 1F3 1I1 1W1 2F3 2I2 2W2 1I2
//   2I3 1I3 1W2 2W3 1W3
//
//   1  2(P-r)-1        F down
//   2  r               F up, F down
//   3  P-r             F up, I up, W up
//   4  while any is left   F down, I down, W down, F up, I up, W up
//   5  r               I down, I up
//   6  P-r             I down, W down (the oldest)
//   7                  W up, then W down, what is left
//
// Without idle time between a rank's first and last action iff F = I = W; idle
// (P-1)F/2 within the makespan. Peak P activations on every rank, one copy of the
// parameters. The form is of max(2P-1, M) micro-batches; those that do not exist
// are left out.
#include "Fixed.h"

#include <algorithm>

namespace dpc::schedule {
namespace {

class ZbVWriter {
public:
  ZbVWriter(Table &table, unsigned rank) : table(table), rank(rank) {
    stage[Down] = rank;
    stage[Up] = 2 * table.ranks - 1 - rank;
  }

  void write() {
    unsigned P = table.ranks, size = std::max(2 * P - 1, table.microBatches);
    repeat(2 * (P - rank) - 1, [&] { F(Down); });
    repeat(rank, [&] { F(Up), F(Down); });
    repeat(P - rank, [&] { F(Up), I(Up), W(Up); });
    while (done[Up][0] < done[Down][0] || done[Down][0] < size) {
      if (done[Down][0] < size)
        F(Down);
      I(Down), W(Down), F(Up), I(Up), W(Up);
    }
    repeat(rank, [&] { I(Down), I(Up); });
    repeat(P - rank, [&] { I(Down), W(Down); });
    for (int way : {Up, Down})
      repeat(done[way][1] - done[way][2], [&] { W(way); });
  }

private:
  enum { Down, Up };

  template <typename Body> static void repeat(unsigned times, Body body) {
    for (unsigned i = 0; i < times; ++i)
      body();
  }
  void F(int way) { add(Kind::Forward, way, done[way][0]++); }
  void I(int way) { add(Kind::Input, way, done[way][1]++); }
  void W(int way) { add(Kind::Weight, way, done[way][2]++); }
  void add(Kind kind, int way, unsigned microBatch) {
    if (microBatch < table.microBatches)
      table.actions[rank].push_back({{kind, stage[way], microBatch}, {}});
  }

  Table &table;
  unsigned rank, stage[2];
  unsigned done[2][3] = {}; // F, I and W of each way
};

} // namespace

Table makeZbV(const Request &request) {
  Table table = startTable("zb-v", request, Placement::V, 2);
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    ZbVWriter(table, rank).write();
  return table;
}

} // namespace dpc::schedule
