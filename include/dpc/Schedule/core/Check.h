// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Is this table a schedule that can be carried out?
#ifndef DPC_SCHEDULE_CORE_CHECK_H
#define DPC_SCHEDULE_CORE_CHECK_H

#include "dpc/Schedule/core/Table.h"

#include <string>
#include <vector>

namespace dpc::schedule {

struct CheckOptions {
  /// Most activations a rank may hold, in device shares of a micro-batch; 0: any.
  double activationCap = 0;
  /// How many errors are collected.
  unsigned errorLimit = 20;
};

/// What is wrong, each with rank, position and action; empty if nothing is:
/// every task exactly once (a backward whole, or both halves) and on its rank,
/// pairs of a forward and a full backward of different micro-batches, an order in
/// which all ranks can go on (with messages that meet, buffered nowhere), the cap.
std::vector<std::string> check(const Table &table, const CheckOptions &options = {});

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_CHECK_H
