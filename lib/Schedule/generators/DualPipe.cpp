// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DualPipe and DualPipeV. Sources: the DeepSeek-V3 technical report (2024) and its
// reference implementation; the folded form after Qi et al.
//
// DualPipe, P = 4, M = 8: two copies of the model, the first fed from rank 0 with
// micro-batches 0..3, the second from rank 3 with 4..7. Rank r holds stage r of
// the one and stage P-1-r of the other. x&y is an overlapped pair.
//
//   rank 0  F0 F1 F2          F4 I4 W4 F5 F3&B5 F6&B0 B6    F7&B1 B7 I2 W2 I3 W3
//   rank 1     F0    F4 F1 F5 F2    B4    F6&B0 F3&B5 F7&B1 B6    B2 I7 I3 W7 W3
//   rank 2     F4    F0 F5 F1 F6    B0    F2&B4 F7&B1 F3&B5 B2    B6 I3 I7 W3 W7
//   rank 3  F4 F5 F6          F0 I0 W0 F1 F7&B1 F2&B4 B2    F3&B5 B3 I6 W6 I7 W7
//
// Eight steps; h is the distance to the nearer end, H half the ranks, phase 0 the
// direction that enters at that end:
//   1  2(H-h-1)   F0                   fill
//   2  h+1        F0 F1                both directions
//   3  H-h-1      I1 W1 F1             split backwards, early gradients
//   4  M/2-P+h+1  F0&B1 F1&B0          the steady state
//   5  H-h-1      B1 F1&B0
//   6  h+1        B1 B0                from half way on only I, W queued
//   7  H-h-1      W I0
//   8  h+1        W                    drain
// In DualPipeV the first h is the rank, H the number of ranks, phase 0 the way
// down to the last rank and phase 1 the way back.
// Idle (P/2-1)(F&B+B-3W), with P stages; peak P+1 activations of a stage.
#include "Fixed.h"

#include <deque>

namespace dpc::schedule {
namespace {

class RankWriter {
public:
  // Stage and first micro-batch of each phase.
  RankWriter(std::vector<Action> &actions, const unsigned (&stage)[2], const unsigned (&first)[2])
      : actions(actions), stage{stage[0], stage[1]}, forward{first[0], first[1]},
        backward{first[0], first[1]} {}

  void F(int phase) { actions.push_back({nextForward(phase), {}}); }
  void B(int phase) { actions.push_back({nextBackward(phase), {}}); }
  void I(int phase) {
    Task task = nextBackward(phase);
    task.kind = Kind::Input;
    actions.push_back({task, {}});
    task.kind = Kind::Weight;
    queue.push_back(task);
  }
  void W() {
    actions.push_back({queue.front(), {}});
    queue.pop_front();
  }
  void FB(int f, int b) {
    Task first = nextForward(f);
    actions.push_back({first, nextBackward(b)});
  }

  // The eight steps. `isMiddle`: the rank where the directions meet, whose first
  // pair is not overlapped.
  void write(unsigned h, unsigned H, unsigned steady, bool isMiddle) {
    for (unsigned i = 0; i < 2 * (H - h - 1); ++i)
      F(0);
    for (unsigned i = 0; i < h + 1; ++i)
      F(0), F(1);
    for (unsigned i = 0; i < H - h - 1; ++i)
      I(1), W(), F(1);
    for (unsigned i = 0; i < steady; ++i) {
      if (i == 0 && isMiddle)
        F(0), B(1);
      else
        FB(0, 1);
      FB(1, 0);
    }
    for (unsigned i = 0; i < H - h - 1; ++i)
      B(1), FB(1, 0);
    // Half way through, backwards are split: before B1 if h is odd, after it if even.
    bool split = false;
    for (unsigned i = 0; i < h + 1; ++i) {
      bool half = i == (h + 1) / 2;
      split |= half && h % 2 == 1;
      split ? I(1) : B(1);
      split |= half && h % 2 == 0;
      split ? I(0) : B(0);
    }
    for (unsigned i = 0; i < H - h - 1; ++i)
      W(), I(0);
    for (unsigned i = 0; i < h + 1; ++i)
      W();
  }

private:
  Task nextForward(int phase) { return {Kind::Forward, stage[phase], forward[phase]++}; }
  Task nextBackward(int phase) { return {Kind::Backward, stage[phase], backward[phase]++}; }

  std::vector<Action> &actions;
  unsigned stage[2], forward[2], backward[2];
  std::deque<Task> queue;
};

std::string requested(const Request &request) {
  return "got --pp " + std::to_string(request.ranks) + " --micro-batches " +
         std::to_string(request.microBatches);
}

} // namespace

std::string checkDualPipe(const Request &request) {
  if (request.ranks % 2)
    return "dualpipe needs an even number of ranks, " + requested(request) + "; --pp " +
           std::to_string(request.ranks + 1) +
           (request.ranks > 1 ? " or --pp " + std::to_string(request.ranks - 1) : "") +
           " would be legal" + (request.ranks > 1 ? ", and dualpipev takes any number" : "");
  if (request.microBatches % 2 || request.microBatches < 2 * request.ranks) {
    unsigned least = 2 * request.ranks;
    unsigned next = std::max(least, request.microBatches + request.microBatches % 2);
    return "dualpipe needs an even number of micro-batches, at least 2 x ranks, " +
           requested(request) + "; --micro-batches " + std::to_string(next) + " would be legal";
  }
  return "";
}

Table makeDualPipe(const Request &request) {
  Table table = startTable("dualpipe", request, Placement::Mirrored);
  unsigned P = table.ranks, half = table.microBatches / 2;
  for (unsigned rank = 0; rank < P; ++rank) {
    bool isLower = rank < P / 2; // phase 0 is the first copy there, the mirrored one else
    unsigned h = isLower ? rank : P - 1 - rank;
    unsigned stages[2] = {rank, P - 1 - rank}, firsts[2] = {0, half};
    unsigned stage[2] = {stages[!isLower], stages[isLower]},
             first[2] = {firsts[!isLower], firsts[isLower]};
    RankWriter(table.actions[rank], stage, first).write(h, P / 2, half - P + h + 1, h == P / 2 - 1);
  }
  return table;
}

std::string checkDualPipeV(const Request &request) {
  if (request.microBatches < 2 * request.ranks)
    return "dualpipev needs at least 2 x ranks micro-batches, " + requested(request) +
           "; --micro-batches " + std::to_string(2 * request.ranks) + " would be legal";
  return "";
}

Table makeDualPipeV(const Request &request) {
  Table table = startTable("dualpipev", request, Placement::V, 2);
  unsigned P = table.ranks;
  for (unsigned rank = 0; rank < P; ++rank) {
    unsigned stage[2] = {rank, 2 * P - 1 - rank}, first[2] = {0, 0};
    RankWriter(table.actions[rank], stage, first)
        .write(rank, P, table.microBatches - 2 * P + rank + 1, rank == P - 1);
  }
  return table;
}

} // namespace dpc::schedule
