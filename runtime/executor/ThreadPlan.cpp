// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers of a plan to stamps and operations.
#include "executor/ThreadPlan.h"

namespace dpcrt {

Status ThreadPlan::make(std::unique_ptr<RankPlan> given, Transport &transport,
                        std::unique_ptr<ThreadPlan> &out) {
  auto made = std::make_unique<ThreadPlan>();
  made->plan = std::move(given);
  const RankPlan &plan = *made->plan;
  made->stamps = std::make_unique<Stamp[]>(plan.events);
  made->stamps[kReadyEvent].poison(); // fired in every step
  for (const PlannedOperation &operation : plan.operations) {
    Operation *&handle = made->operations.emplace_back();
    Status s;
    if (operation.collective) {
      s = transport.addCollective(plan.rank, *operation.collective, handle);
    } else {
      std::vector<TransferSpec> transfers = operation.transfers;
      for (size_t t = 0; t < transfers.size(); ++t)
        if (operation.signals[t] != kNoEvent)
          transfers[t].signal = &made->stamps[operation.signals[t]];
      s = transport.addExchange(plan.rank, std::move(transfers), handle);
    }
    if (!s.ok())
      return s;
  }
  out = std::move(made);
  return {};
}

} // namespace dpcrt
