// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A forecast from a plan that exists already: lowering's own.
#ifndef DPC_LIB_LOWERING_FORECAST_STEPFORECAST_H
#define DPC_LIB_LOWERING_FORECAST_STEPFORECAST_H

#include "../Plan/StepKernels.h"
#include "../Plan/StepPlan.h"
#include "Replay.h"

#include "dpc/Lowering/Forecast/PlannedStep.h"

namespace dpc::lowering {

/// What comes before and behind the tasks, with the costs of its kernels and
/// messages.
StepOverheads findOverheads(const StepModel &model, const StepPlan &plan,
                            const StepKernels &kernels, const Machine &machine);

StepForecast forecastStep(const StepModel &model, const StepPlan &plan, const StepKernels &kernels,
                          const Machine &machine);

/// The spans as the manifest's `timeline` (docs/Artifact.md), JSON text.
std::string printTimeline(const std::vector<ForecastSpan> &spans);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_FORECAST_STEPFORECAST_H
