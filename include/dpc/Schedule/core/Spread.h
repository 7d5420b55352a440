// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's costs, known for one number of stages, for a table with another.
#ifndef DPC_SCHEDULE_CORE_SPREAD_H
#define DPC_SCHEDULE_CORE_SPREAD_H

#include "dpc/Schedule/core/Costs.h"

namespace dpc::schedule {

/// Costs with stages, for a table of `stages` stages on that many ranks. The same
/// number of stages keeps them as they are. Another number takes the model as a line
/// of constant density within each known stage and cuts it into equal lengths of known
/// stages: an approximation, as nobody has cut the model there. A message has
/// the bytes of the nearest known cut; a pair gains what the pairs of the stages that
/// it covers gain, in proportion. Links are kept between ranks that have one; with
/// more ranks than that all take the slowest.
///
/// `forward`, `input`, `weight` and `pair` become those of a device's share, which
/// the closed forms are about. Costs without stages are returned unchanged.
Costs spread(const Costs &costs, unsigned ranks, unsigned stages);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_SPREAD_H
