// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The stages of a step as the schedule library knows costs.
#ifndef DPC_LIB_LOWERING_FORECAST_STAGECOSTS_H
#define DPC_LIB_LOWERING_FORECAST_STAGECOSTS_H

#include "../Plan/StepModel.h"

#include "dpc/Schedule/core/Costs.h"

namespace dpc::lowering {

/// Planned seconds and bytes of every stage, seconds of every pair of a forward and a
/// backward, and the machine's link between any two ranks. Pairs are planned for each
/// two bodies once.
schedule::Costs stageCosts(const StepModel &model, const Machine &machine);

/// The manifest's `costs` (docs/Artifact.md), JSON text.
std::string printCosts(const StepModel &model, const schedule::Costs &costs);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_FORECAST_STAGECOSTS_H
