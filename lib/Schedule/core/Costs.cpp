// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Costs.h.
#include "dpc/Schedule/core/Costs.h"

namespace dpc::schedule {

StageCosts Costs::of(unsigned stage, unsigned ranks, unsigned stageCount) const {
  if (!stages.empty())
    return stages[stage];
  double share = (double)ranks / stageCount;
  return {forward * share, input * share, weight * share};
}

double Costs::pairOf(unsigned forwardStage, unsigned backwardStage, unsigned ranks,
                     unsigned stageCount) const {
  if (!pairs.empty())
    return pairs[(size_t)forwardStage * stageCount + backwardStage];
  if (stages.empty())
    return pair * ranks / stageCount;
  double plain = forward + input + weight, part = plain > 0 ? pair / plain : 1;
  const StageCosts &back = stages[backwardStage];
  return part * (stages[forwardStage].forward + back.input + back.weight);
}

double Costs::duration(const Action &action, const Table &table) const {
  if (action.second)
    return pairOf(action.first.stage, action.second->stage, table.ranks, table.stages);
  StageCosts costs = of(action.first.stage, table.ranks, table.stages);
  switch (action.first.kind) {
  case Kind::Forward:
    return costs.forward;
  case Kind::Input:
    return costs.input;
  case Kind::Weight:
    return costs.weight;
  case Kind::Backward:
    return costs.input + costs.weight;
  }
  return 0;
}

Link Costs::linkOf(unsigned from, unsigned to, unsigned ranks) const {
  if (links.empty())
    return {comm, std::numeric_limits<double>::infinity()};
  return links.size() == 1 ? links[0] : links[(size_t)from * ranks + to];
}

} // namespace dpc::schedule
