// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Costs as they are typed.
#ifndef DPC_SCHEDULE_CORE_COSTTEXT_H
#define DPC_SCHEDULE_CORE_COSTTEXT_H

#include "dpc/Schedule/core/Costs.h"
#include "dpc/Schedule/core/Result.h"

namespace dpc::schedule {

/// `F=1,I=1,W=1,FB=3,comm=0`; what is not named keeps its default, FB that of
/// F + I + W: a pair that gains nothing.
Result<Costs> parseCosts(const std::string &text);

/// The same, and of the stages of a schedule: `message=BYTES` that a stage sends on,
/// `keep=BYTES` of a device's share from F to B or W, `keep-weight=BYTES` of these
/// from I to W (all), `stages=1:0.8:...` the factor of each stage's times. `link`, if
/// not empty, is `latency=TIME,bandwidth=BYTES` in a unit of time, of every pair of
/// ranks.
Result<Costs> parseCosts(const std::string &text, const std::string &link, const Table &table);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_COSTTEXT_H
