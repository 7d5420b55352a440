// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedule of a compile: a name with options, or a text that was read from a
// file or made for the model.
#ifndef DPC_LIB_DRIVER_CHOSENSCHEDULE_H
#define DPC_LIB_DRIVER_CHOSENSCHEDULE_H

#include "dpc/Driver/Compile.h"
#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Table.h"

namespace dpc::driver {

/// What --schedule is where dpc shall choose.
inline constexpr const char *kAuto = "auto";

/// The defaults of micro-batches and schedule.
void resolveShape(CompileOptions &options);

/// Reads a file into the options' text, once, so that all phases see the same and the
/// artifact needs no file; proves that the schedule can be had for these numbers. The
/// error, or nothing.
std::string readSchedule(CompileOptions &options);

/// The table, for the options' ranks and micro-batches.
schedule::Result<schedule::Table> loadTable(const CompileOptions &options);

/// The number of stages that the model is to be cut into; the driver has refused a
/// schedule that is none.
unsigned countStages(const CompileOptions &options);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_CHOSENSCHEDULE_H
