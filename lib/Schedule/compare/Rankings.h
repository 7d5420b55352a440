// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a comparison and a verdict on one schedule share.
#ifndef DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H
#define DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H

#include "dpc/Schedule/compare/Compare.h"

namespace dpc::schedule {

/// Every variant that is legal at this size, fastest first.
std::vector<Standing> rankSameDevices(unsigned ranks, unsigned microBatches, const Costs &costs);

/// Schedules that hold the parameters twice, and beside them two pipelines in
/// parallel of half the ranks, stages twice as long and half the micro-batches each.
std::vector<Standing> rankSameMemory(const std::vector<Standing> &sameDevices, unsigned ranks,
                                     unsigned microBatches, const Costs &costs,
                                     unsigned chunks = 0);

/// `findSecondCopyVerdict` with the rankings given.
std::optional<SecondCopyVerdict> judgeSecondCopy(const Variant &variant,
                                                 const std::vector<Standing> &sameDevices,
                                                 const std::vector<Standing> &sameMemory,
                                                 unsigned ranks, unsigned microBatches,
                                                 const Costs &costs);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_COMPARE_RANKINGS_H
