// The lowering phase: from stages and schedule to a program per rank.
#ifndef DPC_LOWERING_PASSES_H
#define DPC_LOWERING_PASSES_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/Prog/Prog.h"
#include "mlir/Pass/Pass.h"

namespace dpc::lowering {

#define GEN_PASS_DECL
#include "dpc/Lowering/Passes.h.inc"

/// What the plan expects, on the module: seconds of a step's tasks, and the share
/// of all ranks' time in which they are idle.
inline constexpr llvm::StringLiteral kForecastSecondsAttr = "dpc.forecast_seconds";
inline constexpr llvm::StringLiteral kForecastBubbleAttr = "dpc.forecast_bubble";
/// On a block, in seconds: what a run takes as planned; where it communicates, the
/// sums on the cores and on the links; of a pair, its commands in the order of the
/// tasks, and a bound that no order beats.
inline constexpr llvm::StringLiteral kPlannedAttr = "dpc.planned";

#define GEN_PASS_REGISTRATION
#include "dpc/Lowering/Passes.h.inc"

} // namespace dpc::lowering

#endif // DPC_LOWERING_PASSES_H
