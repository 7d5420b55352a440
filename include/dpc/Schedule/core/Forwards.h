// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A pipeline of forwards alone, as evaluation runs it.
#ifndef DPC_SCHEDULE_CORE_FORWARDS_H
#define DPC_SCHEDULE_CORE_FORWARDS_H

#include "dpc/Schedule/core/Table.h"

namespace dpc::schedule {

/// The forwards of a schedule over the same placement, every micro-batch through the
/// replica that trains on it. They run in waves: stage s takes the k-th micro-batch of
/// a replica in wave k + s, and a rank does all of a wave, later stages first, before
/// the next. What a forward reads comes of an earlier wave, so that the order can be
/// carried out, and no stage is further ahead of the next than one wave.
Table forwardsOf(const Table &table);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_FORWARDS_H
