// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the parts of a comparison share.
#ifndef DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H
#define DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H

#include "dpc/Schedule/compare/Compare.h"

namespace dpc::schedule {

/// Every variant that is legal at this size, fastest first.
std::vector<Standing> rankSameDevices(unsigned ranks, unsigned microBatches, const Costs &costs);

/// None where the schedule holds one copy or is not legal. The rankings are those of a
/// `Comparison`.
std::optional<SecondCopyVerdict> judgeSecondCopy(const Variant &variant,
                                                 const std::vector<Standing> &sameDevices,
                                                 const std::vector<Standing> &sameMemory,
                                                 unsigned ranks, unsigned microBatches,
                                                 const Costs &costs);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H
