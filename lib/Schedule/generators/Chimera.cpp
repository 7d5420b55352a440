// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Chimera. Source: Li and Hoefler, Chimera: Efficiently Training Large-Scale Neural
// Networks with Bidirectional Pipelines, SC 2021. Two copies of the model, the
// second mirrored; P = 4, M = 4, micro-batches 0 and 1 down, 2 and 3 up:
//
//   slot    0  1  2  3  4  5  6  7  8  9
//   rank 0  F0    F1 F2 B2 F3 B3 B0    B1
//   rank 1     F0 F2 F1 F3 B2 B0 B3 B1
//   rank 2     F2 F0 F3 F1 B0 B2 B1 B3
//   rank 3  F2    F3 F0 B0 F1 B1 B2    B3
//
// In a unit of P micro-batches each direction has P/2; micro-batch k enters in slot
// 2k, its forward of stage s is in slot 2k + s, its backward in slot
// 2k + 2P-1-s. The two directions never meet in a slot, and neither do the next
// unit's: it begins 2P slots later, in the slots that this one leaves at its end.
// Idle (P/2-1)(F+B) where a forward takes as long as a backward; where B = 2F, each
// unit has its bubbles.
//
// Forward doubling (option doubling = 1) is for B = 2F: two micro-batches go forward
// in a slot, one goes backward. A unit of 2P micro-batches has P/2 forward slots and
// P backward slots a direction, pair k in slots 2k + s, backward j in 2P-1-s + 2j,
// and the next unit begins after 3P slots: idle at most (P/2-1)(2F+B), whatever the
// number of units; less, since each of the two is sent on by itself. P = 4, M = 8,
// x+y in a forward slot:
//
//   slot    0   1   2   3   4   5   6   7   8   9  10  11  12  13
//   rank 0  0+1     2+3 4+5 B4  6+7 B5  B0  B6  B1  B7  B2      B3
//   rank 1      0+1 4+5 2+3 6+7 B4  B0  B5  B1  B6  B2  B7  B3
//
// Backward halving is the same table over halves of micro-batches: forwards go over
// both halves in a slot, backwards over one. Either way memory doubles for a slot's
// work: 2P micro-batches, or the P whole ones that 2P halves are.
// Peak P/2+1 activations on the outer ranks, P on the middle ones.
#include "Fixed.h"

#include <algorithm>
#include <tuple>

namespace dpc::schedule {
namespace {

struct Placed {
  size_t slot;
  Task task;
};

bool doubles(const Request &request) {
  return findGenerator("chimera")->option(request, "doubling") != 0;
}

} // namespace

std::string checkChimera(const Request &request) {
  unsigned P = request.ranks, M = request.microBatches;
  std::string got =
      ", got --pp " + std::to_string(P) + " --micro-batches " + std::to_string(M) + "; ";
  if (P % 2)
    return "chimera needs an even number of ranks" + got + "--pp " + std::to_string(P + 1) +
           (P > 1 ? " or --pp " + std::to_string(P - 1) : "") + " would be legal";
  bool doubling = doubles(request);
  if (unsigned unit = doubling ? 2 * P : P; M % unit) {
    unsigned below = M / unit * unit;
    return std::string("chimera") + (doubling ? " with forward doubling" : "") +
           " needs a multiple of " + std::to_string(unit) +
           (doubling ? " (twice the ranks)" : " (the ranks)") + " of micro-batches" + got +
           "--micro-batches " + (below ? std::to_string(below) + " or " : "") +
           std::to_string(below + unit) + " would be legal";
  }
  return "";
}

Table makeChimera(const Request &request) {
  Table table = startTable("chimera", request, Placement::Mirrored);
  unsigned P = table.ranks, half = P / 2;
  // Micro-batches of a forward slot, and of a direction in a unit; slots of a unit.
  unsigned forwards = doubles(request) ? 2 : 1, share = half * forwards,
           length = doubles(request) ? 3 * P : 2 * P;
  for (unsigned rank = 0; rank < P; ++rank) {
    std::vector<Placed> placed;
    for (const Replica &replica : table.replicas) {
      unsigned stage = replica.rankOfStage[0] == 0 ? rank : P - 1 - rank;
      for (unsigned m = replica.firstMicroBatch; m < replica.endMicroBatch; ++m) {
        unsigned k = m - replica.firstMicroBatch, inUnit = k % share;
        size_t begin = (size_t)k / share * length;
        placed.push_back({begin + inUnit / forwards * 2 + stage, {Kind::Forward, stage, m}});
        placed.push_back({begin + inUnit * 2 + 2 * P - 1 - stage, {Kind::Backward, stage, m}});
      }
    }
    std::sort(placed.begin(), placed.end(), [](const Placed &a, const Placed &b) {
      return std::tie(a.slot, a.task.microBatch) < std::tie(b.slot, b.task.microBatch);
    });
    for (const Placed &p : placed)
      table.actions[rank].push_back({p.task, {}});
  }
  return table;
}

} // namespace dpc::schedule
