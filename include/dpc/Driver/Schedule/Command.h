// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc schedule`: schedules without a model. Free of MLIR, like the library below.
#ifndef DPC_DRIVER_SCHEDULE_COMMAND_H
#define DPC_DRIVER_SCHEDULE_COMMAND_H

#include <iosfwd>
#include <string>
#include <vector>

namespace dpc::schedule {

/// `args` without the word `schedule`. Results go to `out`, everything else to
/// `err`. Exit status: 0 done, 1 `check` found errors, 2 usage, 3 a schedule that
/// is not one or is not legal for these ranks and micro-batches.
int scheduleCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err);

} // namespace dpc::schedule

#endif // DPC_DRIVER_SCHEDULE_COMMAND_H
