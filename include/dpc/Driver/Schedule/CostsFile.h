// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's costs, out of its artifact. Free of MLIR.
#ifndef DPC_DRIVER_SCHEDULE_COSTSFILE_H
#define DPC_DRIVER_SCHEDULE_COSTSFILE_H

#include "dpc/Schedule/core/Costs.h"
#include "dpc/Schedule/core/Result.h"

namespace dpc::schedule {

/// The costs of the stages that MODEL.dpc was compiled into, in seconds and bytes,
/// from its manifest; or those of a JSON file of the same form. The error says whether
/// it is neither, an artifact of another version, or one without costs, behind the flag that
/// named it.
Result<Costs> readModelCosts(const std::string &path, const std::string &flag = "--cost-from");

} // namespace dpc::schedule

#endif // DPC_DRIVER_SCHEDULE_COSTSFILE_H
