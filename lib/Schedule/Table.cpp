// Look-ups in a schedule table.
#include "dpc/Schedule/Table.h"

#include <algorithm>
#include <cassert>

namespace dpc::schedule {

unsigned Table::replicaOf(unsigned microBatch) const {
  for (unsigned r = 0; r < replicas.size(); ++r)
    if (microBatch >= replicas[r].firstMicroBatch && microBatch < replicas[r].endMicroBatch)
      return r;
  assert(false && "a micro-batch of no replica");
  return 0;
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
