// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of a step that belong to no stage: sums over micro-batches and
// consumers, the norm, hashes of weights, the step's factor, and the update of each parameter.
#ifndef DPC_LIB_LOWERING_PLAN_STEPKERNELS_H
#define DPC_LIB_LOWERING_PLAN_STEPKERNELS_H

#include "StepPlan.h"

namespace dpc::lowering {

/// Kernels over a value's blocks; "" where there are no such blocks.
struct BlockKernels {
  std::string blocks, rest;
};

struct StepKernels {
  // By parameter and how many of its elements.
  std::map<std::pair<unsigned, int64_t>, std::string> update;
  std::map<std::pair<unsigned, int64_t>, BlockKernels> squares;
  std::vector<std::string> squareTotal; // by rank; "" where nothing is counted
  // Of what several ranks hold: of a value's rows by type and number of its words, of all rows
  // of a set, and of a set's digits by whether it is the first holder's.
  std::map<std::pair<const void *, int64_t>, BlockKernels> rowHashes;
  std::vector<std::string> hashTotal;
  std::map<std::pair<unsigned, bool>, std::string> mirrorDigits;
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
