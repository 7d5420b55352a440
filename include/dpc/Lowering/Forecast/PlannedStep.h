// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A step planned without writing its programs: from stages whose bodies are command
// lists (the kernels phase) and any schedule over them. The plan is the one that
// lowering makes programs of, so its figures are those of the program, and every
// other schedule can be held beside the chosen one.
#ifndef DPC_LOWERING_FORECAST_PLANNEDSTEP_H
#define DPC_LOWERING_FORECAST_PLANNEDSTEP_H

#include "dpc/Lowering/Forecast/Forecast.h"
#include "dpc/Machine/Machine.h"
#include "dpc/Schedule/core/Costs.h"
#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace dpc::lowering {

/// A step planned for forecasts.
class PlannedStep {
public:
  /// Plans all stages of a module, in their order, under a table. The module gets
  /// the step's own kernels, so give it a copy. `replicas`: of each that the module's mesh
  /// says there are so many train side by side (data parallelism). Fails with a diagnostic.
  static mlir::FailureOr<PlannedStep> make(mlir::ModuleOp module, const schedule::Table &table,
                                           const Machine &machine, unsigned replicas = 1);

  StepForecast forecast() const;

  /// Of the other entry points that the module has what it takes for.
  std::vector<EntryForecast> forecastOthers() const;

  /// Seconds of the step if a fused pair took `pairShare` of what its parts take
  /// one after the other, whatever it is planned to take.
  double getSecondsWithPairs(double pairShare) const;
  bool hasPairs() const;

  /// Of its stages, whatever the table: for the schedule library.
  schedule::Costs getCosts() const;

  PlannedStep(PlannedStep &&);
  PlannedStep &operator=(PlannedStep &&);
  ~PlannedStep();

private:
  struct Impl;
  explicit PlannedStep(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace dpc::lowering

#endif // DPC_LOWERING_FORECAST_PLANNEDSTEP_H
