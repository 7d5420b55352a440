// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How stages lie on ranks. With P ranks and v stages a rank:
//
//   linear    stage s on rank s
//   loop      stage s on rank s mod P                     0 1 2 3 0 1 2 3
//   v         back and forth, v = 2, or v/2 waves of it   0 1 2 3 3 2 1 0
//   mirrored  stage s on rank s, and a second copy of the model with stage s on
//             rank P-1-s for the second half of the micro-batches
#ifndef DPC_SCHEDULE_CORE_PLACEMENT_H
#define DPC_SCHEDULE_CORE_PLACEMENT_H

#include "dpc/Schedule/core/Table.h"

#include <optional>

namespace dpc::schedule {

enum class Placement { Linear, Loop, V, Mirrored };

const char *getName(Placement placement);
std::optional<Placement> findPlacement(const std::string &name);

/// The number of copies of the model.
unsigned replicasOf(Placement placement);

/// A table without actions: header, replicas and where stages lie. `chunks` counts
/// the stages of a rank and copy: 1 for linear and mirrored, at least 1 for loop,
/// even for v. The first copy of a mirrored table has the odd micro-batch; a
/// mirrored table of one micro-batch has one copy.
Table startTable(const std::string &name, Placement placement, unsigned ranks, unsigned chunks,
                 unsigned microBatches);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_PLACEMENT_H
