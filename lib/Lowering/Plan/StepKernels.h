// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of a step that belong to no stage: sums over micro-batches and
// consumers, the norm, the step's factor, and the update of each parameter.
#ifndef DPC_LIB_LOWERING_PLAN_STEPKERNELS_H
#define DPC_LIB_LOWERING_PLAN_STEPKERNELS_H

#include "StepModel.h"

namespace dpc::lowering {

struct StepKernels {
  std::map<unsigned, std::string> update;    // by parameter
  std::map<unsigned, std::string> squareSum; // by parameter
  std::string denSum, finalize;
  /// Sum of n values of a type, by (n, type).
  llvm::DenseMap<std::pair<unsigned, mlir::Type>, std::string> gradientSum;
  std::vector<std::string> momentNames;
};

/// Creates the kernels at the module's top level.
mlir::FailureOr<StepKernels> createStepKernels(const StepModel &model);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPKERNELS_H
