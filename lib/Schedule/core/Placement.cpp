// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Placement.h.
#include "dpc/Schedule/core/Placement.h"

#include <cassert>
#include <iterator>

namespace dpc::schedule {
namespace {
constexpr const char *names[] = {"linear", "loop", "v", "mirrored"}; // in the order of Placement
} // namespace

const char *getName(Placement placement) { return names[(int)placement]; }

std::optional<Placement> findPlacement(const std::string &name) {
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i])
      return Placement(i);
  return std::nullopt;
}

unsigned replicasOf(Placement placement) { return placement == Placement::Mirrored ? 2 : 1; }

Table startTable(const std::string &name, Placement placement, unsigned ranks, unsigned chunks,
                 unsigned microBatches) {
  assert((placement == Placement::Loop || placement == Placement::V || chunks == 1) &&
         "one stage a rank");
  assert((placement != Placement::V || chunks % 2 == 0) && "a wave has a way back");
  Table table;
  table.name = name;
  table.ranks = ranks;
  table.stages = ranks * chunks;
  table.microBatches = microBatches;
  table.actions.resize(ranks);
  Replica replica{0, microBatches, {}};
  for (unsigned stage = 0; stage < table.stages; ++stage) {
    unsigned chunk = stage / ranks, place = stage % ranks;
    bool isBack = placement == Placement::V && chunk % 2 == 1;
    replica.rankOfStage.push_back(isBack ? ranks - 1 - place : place);
  }
  table.replicas = {replica};
  if (placement == Placement::Mirrored && microBatches > 1) {
    unsigned half = (microBatches + 1) / 2;
    table.replicas.push_back(
        {half, microBatches, {replica.rankOfStage.rbegin(), replica.rankOfStage.rend()}});
    table.replicas[0].endMicroBatch = half;
  }
  return table;
}

} // namespace dpc::schedule
