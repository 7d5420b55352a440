// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Look-ups in a schedule table.
#include "dpc/Schedule/core/Table.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace dpc::schedule {

unsigned Table::replicaOf(unsigned microBatch) const {
  auto after = [](unsigned wanted, const Replica &replica) {
    return wanted < replica.firstMicroBatch;
  };
  auto found = std::upper_bound(replicas.begin(), replicas.end(), microBatch, after);
  assert(found != replicas.begin() && microBatch < std::prev(found)->endMicroBatch &&
         "a micro-batch of no replica");
  return found - replicas.begin() - 1;
}

unsigned Table::rankOf(unsigned stage, unsigned microBatch) const {
  return replicas[replicaOf(microBatch)].rankOfStage[stage];
}

std::vector<unsigned> Table::stagesOf(unsigned rank) const {
  std::vector<unsigned> result;
  for (const Replica &replica : replicas)
    for (unsigned stage = 0; stage < replica.rankOfStage.size(); ++stage)
      if (replica.rankOfStage[stage] == rank)
        result.push_back(stage);
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

} // namespace dpc::schedule
