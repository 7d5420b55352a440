// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where everything of a step lies and when it happens, for all ranks.
//
// The timeline fixes one sequence of runs and messages, in which each reduction of
// gradients gets a place; a rank's items are its projection, with the feeds, fetches and
// sums of gradients that belong to them.
// Values of a micro-batch are *instances*: each lives from its first touch to its
// last in the rank's items and gets a slot in an arena. Parameters, gradients
// and moments have fixed places, gradients in the order of their buckets.
#ifndef DPC_LIB_LOWERING_PLAN_STEPPLAN_H
#define DPC_LIB_LOWERING_PLAN_STEPPLAN_H

#include "Arena.h"
#include "BlockPlan.h"
#include "Shards.h"
#include "StepModel.h"

#include <map>
#include <tuple>

namespace dpc::lowering {

/// A value of one micro-batch on one rank.
struct Instance {
  enum Kind : uint8_t { Activation, Gradient, GradientSum, Feed, Kept, Output } kind = Activation;
  // (producer, output), (edge, 0), (producer, output), (stage, feed), (stage, kept),
  // (stage, graph output)
  unsigned a = 0, b = 0;
  unsigned microBatch = 0;
  bool operator<(const Instance &other) const {
    return std::tie(kind, a, b, microBatch) <
           std::tie(other.kind, other.a, other.b, other.microBatch);
  }
  /// Values that messages carry live apart from those that stay on the rank.
  bool isMessage() const { return kind == Activation || kind == Gradient || kind == GradientSum; }
};

/// Where an instance lies, and its elements.
struct InstancePlace {
  LiveRange range;
  prog::SlotType type;
};

using BlockKey = std::tuple<Task::Kind, unsigned, unsigned>; // kind, stage, pair stage

/// Parameters whose gradients are reduced together: same holders, same stages, same
/// elements, the same axes beside pp over which each has one value.
struct Bucket {
  std::vector<unsigned> parameters;
  std::vector<unsigned> holders, stages;
  prog::Axes over{};  // the axes at all of whose coordinates the holders add up
  mlir::Type element; // of the gradients
  int64_t bytes = 0;
  /// Where the optimizer is sharded: of each member of the reduction, in the order of
  /// ranks, with numbers in `parameters`. Else empty: everybody updates all.
  std::vector<std::vector<Shard>> shards;

  bool isSharded() const { return !shards.empty(); }
};

struct RankItem {
  enum Kind : uint8_t { Feed, Run, Fetch, Sum, Send, Receive, Reduce } kind = Run;
  double time = 0, end = 0;
  Task task;         // Run; Fetch: its stage and micro-batch
  Instance instance; // Feed, Send, Receive; Sum: its result; Fetch: see `fetched`
  std::string name;  // Feed: the input; Fetch: the output
  dualpipe::RoleKind fetched = dualpipe::RoleKind::Loss; // only a graph output is an instance
  unsigned peer = 0, message = 0;                        // Send, Receive
  unsigned exchange = 0; // Send, Receive: equal ones go in one group
  unsigned bucket = 0;   // Reduce

  bool isIn(unsigned group) const { return (kind == Send || kind == Receive) && exchange == group; }
};

struct RankPlan {
  unsigned rank = 0;
  std::vector<RankItem> items;
  std::map<Instance, InstancePlace> instances;
  std::vector<unsigned> parameters; // of this rank, in storage order
  std::map<unsigned, int64_t> weightOffset, gradientOffset;
  std::vector<int64_t> bucketOffset; // of all buckets; -1 where not held
  int64_t weightBytes = 0, gradientBytes = 0, stashBytes = 0, messageBytes = 0, workspaceBytes = 0;
  /// Most stashes (from F to the last half) alive at once, over all its stages.
  unsigned peakStashes = 0;
};

struct StepPlan {
  std::map<BlockKey, BlockPlan> blocks;
  Timeline timeline;
  std::vector<Bucket> buckets; // in the order in which they are reduced
  std::vector<RankPlan> ranks;
};

/// Which of a bucket's members the rank at coordinate `rank` of pp is, on one of the replicas
/// there.
unsigned memberOf(const StepModel &model, const Bucket &bucket, unsigned rank, unsigned replica);

/// Cuts what several ranks hold into their shards, or has all of them update all.
void shardBuckets(const StepModel &model, std::vector<Bucket> &buckets, bool isSharded);

/// How many elements of a parameter are updated at a time: all, or those of each shard.
std::vector<int64_t> updatedPieces(const StepModel &model, const StepPlan &plan, unsigned p);

/// The operands of a task resolved to instances; none for loss and den, which
/// have places of their own.
std::optional<Instance> resolve(const StepModel &model, const BlockStorage &storage,
                                const Task &task);
/// Edges of an output whose consumers send a gradient back, later consumers first.
std::vector<unsigned> gradientEdges(const StepModel &model, unsigned stage, unsigned output);

BlockKey blockKey(const Task &task);

/// What the walk knows of a planned step; holds references to both.
TimelineProblem timelineProblem(const StepModel &model, const std::map<BlockKey, BlockPlan> &blocks,
                                const Machine &machine);

/// Fails with a diagnostic if the schedule cannot be carried out. `training`: the plan
/// of the same ranks' training step, whose weights are to lie where they do there.
mlir::FailureOr<StepPlan> planStep(const StepModel &model, const Machine &machine,
                                   const StepPlan *training = nullptr);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPPLAN_H
