// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Forwards.h.
#include "dpc/Schedule/core/Forwards.h"

#include <algorithm>
#include <tuple>

namespace dpc::schedule {

Table forwardsOf(const Table &table) {
  Table forwards = table;
  for (auto &actions : forwards.actions)
    actions.clear();
  for (const Replica &replica : table.replicas)
    for (unsigned m = replica.firstMicroBatch; m < replica.endMicroBatch; ++m)
      for (unsigned stage = 0; stage < table.stages; ++stage)
        forwards.actions[replica.rankOfStage[stage]].push_back(
            {{Kind::Forward, stage, m}, std::nullopt});
  // Of one wave and stage, the replicas in their order.
  auto place = [&](const Action &action) {
    unsigned m = action.first.microBatch, stage = action.first.stage, replica = table.replicaOf(m);
    return std::tuple(m - table.replicas[replica].firstMicroBatch + stage, table.stages - stage,
                      replica);
  };
  for (auto &actions : forwards.actions)
    std::sort(actions.begin(), actions.end(),
              [&](const Action &a, const Action &b) { return place(a) < place(b); });
  return forwards;
}

} // namespace dpc::schedule
