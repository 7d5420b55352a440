// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes one rank's program of an entry point.
#ifndef DPC_LIB_LOWERING_EMIT_RANKEMITTER_H
#define DPC_LIB_LOWERING_EMIT_RANKEMITTER_H

#include "../Plan/RankMemory.h"
#include "../Plan/StepKernels.h"
#include "../Plan/StepPlan.h"

namespace dpc::lowering {

/// Creates the program of a rank at the builder's insertion point.
prog::ProgramOp emitRank(mlir::OpBuilder &builder, const StepModel &model, const StepPlan &plan,
                         unsigned rank, RankMemory memory, const StepKernels &kernels);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_EMIT_RANKEMITTER_H
