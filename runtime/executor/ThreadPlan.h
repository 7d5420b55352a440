// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's plan with what threads of the host wait with: a stamp for each of its events,
// an operation of the transport for each exchange and collective.
#pragma once
#include "executor/Plan.h"
#include "transports/Transport.h"

namespace dpcrt {

struct ThreadPlan {
  // Adds the rank's operations to the transport.
  static Status make(std::unique_ptr<RankPlan> plan, Transport &transport,
                     std::unique_ptr<ThreadPlan> &out);

  std::unique_ptr<RankPlan> plan;
  std::unique_ptr<Stamp[]> stamps; // by event
  std::vector<Operation *> operations;
};

} // namespace dpcrt
