// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// V-Half and V-Min. Source: Qi et al., Pipeline Parallelism with Controllable
// Memory, NeurIPS 2024, and the greedy reordering of its reference implementation.
//
// Stages lie in a V. A building block says in which slot rank r does what for
// micro-batch 0, and is repeated every 6 slots: two forwards, two input halves, and
// two slots for weight halves. How long the block keeps a micro-batch alive is how
// much memory the schedule takes. V-Min, P = 3 (with its 2 extra slots), d for the
// way down, u for the way back:
//
//   slot    0  1  2  3  4  5  6  7  8  9 10 11 12 13
//   rank 0  Fd             Fu       Iu                Id
//   rank 1     Fd       Fu             Iu          Id
//   rank 2        Fd Fu                   Iu    Id
//
// In V-Half a micro-batch goes down in steps of two slots and comes back in steps of
// one. Then, in unit slots:
//   1  weight halves go into the slots that are free
//   2  at the head and the tail, where blocks do not fill the slots, each action
//      moves to the earliest free slot that its inputs, its order and the peak of
//      memory allow
//   3  weight halves are taken out, the tail is moved once more, and they are put
//      back into what is free, those of the way back first
// Peak about P/2 and P/3 activations; bubble about a half and two thirds of 1F1B's.
#include "Fixed.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace dpc::schedule {
namespace {

constexpr unsigned kPeriod = 6;

// What a rank does, by its place in the block.
enum Part : unsigned { ForwardDown, ForwardUp, InputUp, InputDown, WeightUp, WeightDown, kParts };
constexpr unsigned kBlockParts = 4; // those a block has slots for
// While weight halves of both ways share a queue, they are all counted as one part.
constexpr Part kAnyWeight = WeightUp;

using Block = std::array<unsigned, kBlockParts>; // slots of micro-batch 0

Block halfBlock(unsigned P, unsigned r) {
  unsigned d = P % 2 == 0 ? 3 : 0;
  return {2 * r, 3 * P - r - 2, 3 * P + d + 2 * r - 1, 6 * P + d - r - 2};
}
Block minBlock(unsigned P, unsigned r) {
  unsigned d = P % 3 == 0 ? 2 : 0;
  return {r, 2 * P - r - 1, 2 * P + d + r, 4 * P + d - r - 1};
}

constexpr unsigned kFree = ~0u;

// The slots of one rank: at[part][micro-batch], and the other way round. Without
// weight halves of their own (`parts` = 4), free slots stand for those that wait.
class Lane {
public:
  explicit Lane(std::vector<std::vector<unsigned>> times) : at(std::move(times)) { rebuild(); }

  size_t parts() const { return at.size(); }
  unsigned slot(unsigned part, unsigned m) const { return at[part][m]; }
  bool isFree(unsigned slot) const { return slot >= partOf.size() || partOf[slot] == kFree; }
  unsigned peak() const { return most; }

  // Puts weight halves into free slots, each as soon as its input half is done; with
  // `split` in two queues, those of the way back first.
  void putWeights(bool split) {
    at.resize(kBlockParts);
    std::vector<unsigned> put[2];
    unsigned waiting[2] = {};
    for (unsigned s = 0; s < partOf.size() || waiting[0] || waiting[1]; ++s) {
      unsigned part = s < partOf.size() ? partOf[s] : kFree;
      if (part != kFree) {
        if (part == InputUp || part == InputDown)
          ++waiting[split && part == InputDown];
        continue;
      }
      for (int way : {0, 1})
        if (waiting[way]) {
          put[way].push_back(s);
          --waiting[way];
          break;
        }
    }
    at.push_back(std::move(put[0]));
    if (split)
      at.push_back(std::move(put[1]));
    rebuild();
  }

  // The slot of the input half that a weight half, in order of all of them, is of.
  unsigned slotOfInput(unsigned m) const {
    std::vector<unsigned> inputs(at[InputUp]);
    inputs.insert(inputs.end(), at[InputDown].begin(), at[InputDown].end());
    std::nth_element(inputs.begin(), inputs.begin() + m, inputs.end());
    return inputs[m];
  }

  // Moves an action to an earlier free slot if the peak stays within the cap.
  bool tryMove(unsigned part, unsigned m, unsigned to, unsigned cap) {
    unsigned from = at[part][m];
    move(part, m, to);
    if (recount(to, from, cap))
      return true;
    move(part, m, from);
    recount(to, from, ~0u);
    return false;
  }

private:
  void move(unsigned part, unsigned m, unsigned to) {
    partOf[at[part][m]] = kFree;
    partOf[to] = part;
    at[part][m] = to;
  }

  void rebuild() {
    partOf.clear();
    for (unsigned part = 0; part < at.size(); ++part)
      for (unsigned s : at[part]) {
        if (s >= partOf.size())
          partOf.resize(s + 1, kFree);
        partOf[s] = part;
      }
    alive.assign(partOf.size(), 0);
    waiting.assign(partOf.size(), 0);
    most = 0;
    recount(0, (unsigned)partOf.size(), ~0u);
    for (unsigned count : alive)
      most = std::max(most, count);
  }

  // Counts what is alive after each slot, from a slot on until a change up to
  // `changed` makes no difference any more. False if more than the cap are.
  bool recount(unsigned begin, unsigned changed, unsigned cap) {
    unsigned count = begin ? alive[begin - 1] : 0, wait = begin ? waiting[begin - 1] : 0;
    for (unsigned s = begin; s < partOf.size(); ++s) {
      switch (partOf[s]) {
      case ForwardDown:
      case ForwardUp:
        ++count;
        break;
      case InputUp:
      case InputDown:
        ++wait;
        break;
      case kAnyWeight:
      case WeightDown:
        --count;
        break;
      default:
        if (at.size() == kBlockParts && wait)
          --wait, --count;
      }
      if (count > cap)
        return false;
      if (s > changed && alive[s] == count && waiting[s] == wait)
        return true;
      alive[s] = count;
      waiting[s] = wait;
    }
    return true;
  }

  std::vector<std::vector<unsigned>> at;
  std::vector<unsigned> partOf;         // of each slot, or kFree
  std::vector<unsigned> alive, waiting; // after each slot
  unsigned most = 0;
};

class Builder {
public:
  Builder(unsigned ranks, unsigned microBatches, Block (*block)(unsigned, unsigned))
      : P(ranks), M(microBatches) {
    for (unsigned r = 0; r < P; ++r) {
      std::vector<std::vector<unsigned>> times;
      for (unsigned begin : block(P, r)) {
        times.emplace_back();
        for (unsigned m = 0; m < M; ++m)
          times.back().push_back(begin + kPeriod * m);
      }
      lanes.emplace_back(std::move(times));
    }
  }

  // Each rank's parts and micro-batches, in order.
  std::vector<std::vector<std::pair<unsigned, unsigned>>> run() {
    for (Lane &lane : lanes)
      lane.putWeights(false);
    pullForward(true);
    squeeze(kBlockParts);
    pullForward(false);
    for (Lane &lane : lanes)
      lane.putWeights(false);
    squeeze(kBlockParts);
    for (Lane &lane : lanes)
      lane.putWeights(true);
    std::vector<std::vector<std::pair<unsigned, unsigned>>> order(P);
    for (const Placed &p : placed())
      order[p.rank].push_back({p.part, p.microBatch});
    return order;
  }

private:
  struct Placed {
    unsigned slot, rank, part, microBatch;
  };

  std::vector<Placed> placed() const {
    std::vector<Placed> all;
    for (unsigned r = 0; r < P; ++r)
      for (unsigned part = 0; part < lanes[r].parts(); ++part)
        for (unsigned m = 0; m < (part < kBlockParts || lanes[r].parts() == kParts ? M : 2 * M);
             ++m)
          all.push_back({lanes[r].slot(part, m), r, part, m});
    std::sort(all.begin(), all.end(), [](const Placed &a, const Placed &b) {
      return std::tie(a.slot, a.rank, a.part, a.microBatch) <
             std::tie(b.slot, b.rank, b.part, b.microBatch);
    });
    return all;
  }

  // The first slot after everything that an action follows.
  unsigned earliest(const Placed &p) const {
    const Lane &lane = lanes[p.rank];
    unsigned first = 0;
    auto after = [&](unsigned slot) { first = std::max(first, slot + 1); };
    if ((p.part == ForwardDown || p.part == InputUp) && p.rank > 0)
      after(lanes[p.rank - 1].slot(p.part, p.microBatch));
    if ((p.part == ForwardUp || p.part == InputDown) && p.rank + 1 < P)
      after(lanes[p.rank + 1].slot(p.part, p.microBatch));
    if (p.part > 0 && p.part < kBlockParts)
      after(lane.slot(p.part - 1, p.microBatch));
    if (p.part == kAnyWeight)
      after(lane.slotOfInput(p.microBatch));
    if (p.microBatch > 0)
      after(lane.slot(p.part, p.microBatch - 1));
    return first;
  }

  // The blocks fill the slots from rank 0's first backward of its first stage to its
  // last forward; before (`head`) and after that there is room.
  void pullForward(bool head) {
    unsigned cap = 0;
    for (const Lane &lane : lanes)
      cap = std::max(cap, lane.peak());
    enum { Head, Middle, Tail } phase = Head;
    for (const Placed &p : placed()) {
      if (phase == Head && p.part == InputDown && p.rank == 0)
        phase = Middle;
      bool stays = phase == Middle || (phase == Head && !head);
      if (phase == Middle && p.part == ForwardDown && p.microBatch + 1 == M)
        phase = Tail;
      if (stays)
        continue;
      for (unsigned slot = earliest(p); slot < p.slot; ++slot)
        if (lanes[p.rank].isFree(slot) && lanes[p.rank].tryMove(p.part, p.microBatch, slot, cap))
          break;
    }
  }

  // Every action as soon as it can be, in the order that there is; of the result,
  // the first `parts`.
  void squeeze(unsigned parts) {
    std::vector<std::vector<std::vector<unsigned>>> at(
        P, std::vector<std::vector<unsigned>>(kBlockParts + 1));
    std::vector<unsigned> clock(P, 0);
    for (unsigned r = 0; r < P; ++r)
      for (unsigned part = 0; part <= kBlockParts; ++part)
        at[r][part].resize(part < kBlockParts ? M : 2 * M);
    for (const Placed &p : placed()) {
      unsigned begin = clock[p.rank];
      auto after = [&](unsigned slot) { begin = std::max(begin, slot + 1); };
      if ((p.part == ForwardDown || p.part == InputUp) && p.rank > 0)
        after(at[p.rank - 1][p.part][p.microBatch]);
      if ((p.part == ForwardUp || p.part == InputDown) && p.rank + 1 < P)
        after(at[p.rank + 1][p.part][p.microBatch]);
      if (p.part > 0 && p.part < kBlockParts)
        after(at[p.rank][p.part - 1][p.microBatch]);
      at[p.rank][p.part][p.microBatch] = begin;
      clock[p.rank] = begin + 1;
    }
    lanes.clear();
    for (unsigned r = 0; r < P; ++r) {
      at[r].resize(parts);
      lanes.emplace_back(std::move(at[r]));
    }
  }

  unsigned P, M;
  std::vector<Lane> lanes;
};

Table make(const char *name, const Request &request, Block (*block)(unsigned, unsigned)) {
  Table table = startTable(name, request, Placement::V, 2);
  auto order = Builder(table.ranks, table.microBatches, block).run();
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (auto [part, m] : order[rank]) {
      Kind kind = part <= ForwardUp   ? Kind::Forward
                  : part <= InputDown ? Kind::Input
                                      : Kind::Weight;
      bool isDown = part == ForwardDown || part == InputDown || part == WeightDown;
      table.actions[rank].push_back({{kind, isDown ? rank : 2 * table.ranks - 1 - rank, m}, {}});
    }
  return table;
}

} // namespace

Table makeVHalf(const Request &request) { return make("v-half", request, halfBlock); }
Table makeVMin(const Request &request) { return make("v-min", request, minBlock); }

} // namespace dpc::schedule
