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

/// A shard that a rank has on some replicas: what it keeps of a parameter.
struct KeptShard {
  unsigned parameter = 0; // of the model
  Shard shard;
  std::vector<int64_t> replicas; // ascending; empty: all
  int64_t master = 0;            // offsets in the arenas, of these replicas
  std::vector<int64_t> moments;
};

/// Hashes of what a rank holds of one of the model's mirror sets, as i32 in the sums arena: of
/// all rows of its values, one value after the other with zeros between them, and of all these.
struct SetHashes {
  unsigned set = 0;
  std::vector<MirroredValue> values;
  int64_t rows = 0, count = 0;
  int64_t total = 0;
};

struct RankMemory {
  int64_t bytes[ArenaCount] = {};
  /// Content of the constants arena in order, and where each lies.
  std::vector<mlir::ElementsAttr> constants;
  llvm::DenseMap<mlir::Attribute, int64_t> constantOffset;
  /// Of parameters that the rank updates as a whole, by parameter and number of the moment.
  std::map<std::pair<unsigned, unsigned>, int64_t> momentOffset;
  std::map<unsigned, int64_t> masterOffset; // by parameter
  /// Of the others, in the rank's order of parameters. Replicas have different ones in the
  /// same arenas, which have room for the most.
  std::vector<KeptShard> shards;
  StepSums sums;
  /// In the sums arena: of a bucket that is sharded the squares of all its blocks, which its
  /// members gather; by parameter.
  std::map<unsigned, int64_t> gatheredSquares;
  /// By bucket, where they begin, and how many bytes they have.
  std::map<unsigned, std::pair<int64_t, int64_t>> gatheredOf;
  /// In the sums arena, of the sets that the rank holds.
  std::vector<SetHashes> hashes;

  int64_t total() const;
};

/// `training`: the same rank's in the training step. Constants lie where they do there
/// if it has all of them, so that one memory serves both. `buckets`: the plan's in another
/// way, sharded or not.
RankMemory planMemory(const StepModel &model, const StepPlan &plan, unsigned rank,
                      const RankMemory *training = nullptr,
                      const std::vector<Bucket> *buckets = nullptr);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_RANKMEMORY_H
