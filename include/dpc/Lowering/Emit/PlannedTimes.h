// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What was planned of a block, noted on it for summaries.
#ifndef DPC_LOWERING_EMIT_PLANNEDTIMES_H
#define DPC_LOWERING_EMIT_PLANNEDTIMES_H

#include "llvm/ADT/StringRef.h"

namespace dpc::lowering {

/// On a block, in seconds: what a run takes as planned; where it communicates, the
/// sums on the cores and on the links; of a pair, its commands in the order of the
/// tasks, and a bound that no order beats.
inline constexpr llvm::StringLiteral kPlannedAttr = "dpc.planned";

} // namespace dpc::lowering

#endif // DPC_LOWERING_EMIT_PLANNEDTIMES_H
