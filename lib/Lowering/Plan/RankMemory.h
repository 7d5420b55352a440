// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The arenas of a rank and their sizes, known from the plan alone: what a program
// declares, what a forecast says and what --memory-limit compares are one figure.
#ifndef DPC_LIB_LOWERING_PLAN_RANKMEMORY_H
#define DPC_LIB_LOWERING_PLAN_RANKMEMORY_H

#include "StepPlan.h"
#include "StepSums.h"

namespace dpc::lowering {

enum ArenaNumber : unsigned {
  Weights,
  Gradients,
  Moments,
  Masters,
  Stash,
  Messages,
  Workspace,
  Constants,
  Record,
  Sums,
  ArenaCount
};
inline constexpr llvm::StringLiteral kArenaNames[] = {
    "weights",  "gradients", "moments",   "masters", "stash",
    "messages", "workspace", "constants", "record",  "sums"};

struct RankMemory {
  int64_t bytes[ArenaCount] = {};
  /// Content of the constants arena in order, and where each lies.
  std::vector<mlir::ElementsAttr> constants;
  llvm::DenseMap<mlir::Attribute, int64_t> constantOffset;
  /// By parameter and number of the moment.
  std::map<std::pair<unsigned, unsigned>, int64_t> momentOffset;
  std::map<unsigned, int64_t> masterOffset; // by parameter
  StepSums sums;

  int64_t total() const;
};

/// `training`: the same rank's in the training step. Constants lie where they do there
/// if it has all of them, so that one memory serves both.
RankMemory planMemory(const StepModel &model, const StepPlan &plan, unsigned rank,
                      const RankMemory *training = nullptr);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_RANKMEMORY_H
