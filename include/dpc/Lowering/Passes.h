// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The lowering phase: from stages and schedule to a program per rank.
#ifndef DPC_LOWERING_PASSES_H
#define DPC_LOWERING_PASSES_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/Prog/Prog.h"
#include "mlir/Pass/Pass.h"

namespace dpc::lowering {

#define GEN_PASS_DECL
#include "dpc/Lowering/Passes.h.inc"

/// What the plan expects, on the module: seconds of a whole step, and the share of
/// all ranks' time in which they compute nothing.
inline constexpr llvm::StringLiteral kForecastSecondsAttr = "dpc.forecast_seconds";
inline constexpr llvm::StringLiteral kForecastBubbleAttr = "dpc.forecast_bubble";
/// When each rank does what: the manifest's `timeline` (docs/Artifact.md) as JSON
/// text. A resource and no attribute of its own kind: it grows with ranks times
/// micro-batches, and nothing between lowering and the artifact looks into it.
inline constexpr llvm::StringLiteral kForecastTimelineAttr = "dpc.forecast_timeline";
/// What each stage costs: the manifest's `costs`, a resource with JSON text likewise.
inline constexpr llvm::StringLiteral kCostsAttr = "dpc.costs";

#define GEN_PASS_REGISTRATION
#include "dpc/Lowering/Passes.h.inc"

} // namespace dpc::lowering

#endif // DPC_LOWERING_PASSES_H
