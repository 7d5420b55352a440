// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The form in which PyTorch's pipelining (torch.distributed.pipelining) dumps and
// loads schedules: a line for each rank, a cell for each action.
//
//   0F0,0F1,,1F0,1I0,(0F2;1B1)OVERLAP_F_B,1W0
//
// An action is <stage><kind><micro-batch>; an overlapped pair is as above. An empty
// cell is a time in which nothing is done; times are the simulator's business, so
// these are skipped. There is no header: how many ranks, stages and micro-batches
// there are, where stages lie and which micro-batches pass through which copy of the
// model follows from which line does what.
//
// Files lowered for PyTorch's runtime also say where it sends, receives and gathers
// (0SEND_F0, 1RECV_F0, 0UNSHARD, ...). Such cells are read and dropped: what is sent
// follows from the tasks, and when from their order.
#ifndef DPC_SCHEDULE_CORE_CSV_H
#define DPC_SCHEDULE_CORE_CSV_H

#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Table.h"

namespace dpc::schedule {

/// Without empty cells but for a rank that does nothing, which has two.
std::string printCsv(const Table &table);

/// The error says line and cell, what was found and what was expected. `name` is the
/// schedule's; what cannot stand in a name becomes a hyphen.
Result<Table> parseCsv(const std::string &text, const std::string &name);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_CSV_H
