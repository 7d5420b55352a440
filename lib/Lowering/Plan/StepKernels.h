// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of a step that belong to no stage: sums over micro-batches and
// consumers, the norm, the step's factor, and the update of each parameter.
#ifndef DPC_LIB_LOWERING_PLAN_STEPKERNELS_H
#define DPC_LIB_LOWERING_PLAN_STEPKERNELS_H

#include "StepPlan.h"

namespace dpc::lowering {

/// The kernels of a gradient's sums of squares; "" where there are no such blocks.
struct SquareKernels {
  std::string blocks, rest;
};

struct StepKernels {
  // By parameter and how many of its elements.
  std::map<std::pair<unsigned, int64_t>, std::string> update;
  std::map<std::pair<unsigned, int64_t>, SquareKernels> squares;
  std::vector<std::string> squareTotal; // by rank; "" where nothing is counted
  std::string denSum, finalize;
  /// (losses, and faults where the model has any) -> 1 if the step is to be skipped for them.
  std::string flag;
  /// Sum of n values of a type, by (n, type).
  llvm::DenseMap<std::pair<unsigned, mlir::Type>, std::string> gradientSum;
  std::vector<std::string> momentNames;
};

/// Creates the kernels at the module's top level.
mlir::FailureOr<StepKernels> createStepKernels(const StepModel &model, const StepPlan &plan);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPKERNELS_H
