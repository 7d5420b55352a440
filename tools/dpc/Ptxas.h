// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `dpc doctor` says of the assembler that makes cubins.
#ifndef DPC_TOOLS_DPC_PTXAS_H
#define DPC_TOOLS_DPC_PTXAS_H

#include "dpc-doctor/Findings.h"

namespace dpc {

void examinePtxas(dpcrt::doctor::Findings &out);

} // namespace dpc

#endif // DPC_TOOLS_DPC_PTXAS_H
