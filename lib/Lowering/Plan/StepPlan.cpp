// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From model and timeline to every rank's items and slots; see StepPlan.h.
#include "StepPlan.h"

#include "program/format/Optimizers.h"
#include "program/format/Outputs.h"

#include <algorithm>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {

BlockKey blockKey(const Task &task) {
  return {task.kind, task.stage, task.kind == Task::Pair ? task.pairStage : 0};
}

unsigned memberOf(const StepModel &model, const Bucket &bucket, unsigned rank, unsigned replica) {
  const unsigned holder = llvm::find(bucket.holders, rank) - bucket.holders.begin();
  unsigned copy = 0; // among those at this coordinate of pp
  if (bitEnumContainsAny(bucket.over, prog::Axes::Dp))
    copy = replica / model.ep;
  if (bitEnumContainsAny(bucket.over, prog::Axes::Ep))
    copy = copy * model.ep + replica % model.ep;
  return holder * model.copiesOver(bucket.over) + copy;
}

void shardBuckets(const StepModel &model, std::vector<Bucket> &buckets, bool isSharded) {
  const dpcrt::Optimizer &optimizer =
      *dpcrt::findOptimizer(TrainingOp(model.training).getOptimizer()); // verified
  const ShardUnit unit = optimizer.needsMatrices ? ShardUnit::Parameter : ShardUnit::Block;
  for (Bucket &bucket : buckets) {
    bucket.shards.clear();
    const unsigned members = bucket.holders.size() * model.copiesOver(bucket.over);
    if (!isSharded || members < 2)
      continue;
    std::vector<int64_t> elements;
    for (unsigned p : bucket.parameters)
      elements.push_back(model.parameters[p].kept.getCount());
    bucket.shards = cutIntoShards(elements, members, unit);
  }
}

std::vector<int64_t> updatedPieces(const StepModel &model, const StepPlan &plan, unsigned p) {
  std::vector<int64_t> pieces;
  for (const Bucket &bucket : plan.buckets)
    for (const std::vector<Shard> &shards : bucket.shards)
      for (const Shard &shard : shards)
        if (bucket.parameters[shard.parameter] == p)
          pieces.push_back(shard.elements);
  if (pieces.empty())
    pieces.push_back(model.parameters[p].kept.getCount());
  return pieces;
}

std::vector<unsigned> gradientEdges(const StepModel &model, unsigned stage, unsigned output) {
  std::vector<unsigned> result;
  if (output < model.edgesOfOutput[stage].size())
    for (unsigned edge : model.edgesOfOutput[stage][output])
      if (model.edges[edge].gradient)
        result.push_back(edge);
  std::stable_sort(result.begin(), result.end(), [&](unsigned a, unsigned b) {
    return model.edges[a].consumer > model.edges[b].consumer;
  });
  return result;
}

std::optional<Instance> resolve(const StepModel &model, const BlockStorage &storage,
                                const Task &task) {
  unsigned stage = storage.task ? task.pairStage : task.stage;
  unsigned microBatch = storage.task ? task.pairMicroBatch : task.microBatch;
  switch (storage.role) {
  case RoleKind::Input: {
    const Edge &edge = model.edges[model.edgeOfInput[stage][storage.index]];
    return Instance{Instance::Activation, edge.producer, edge.output, microBatch};
  }
  case RoleKind::Output:
    return Instance{Instance::Activation, stage, storage.index, microBatch};
  case RoleKind::Feed:
    return Instance{Instance::Feed, stage, storage.index, microBatch};
  case RoleKind::Kept:
    return Instance{Instance::Kept, stage, storage.index, microBatch};
  case RoleKind::GraphOutput:
    return Instance{Instance::Output, stage, storage.index, microBatch};
  case RoleKind::InputGrad:
    return Instance{Instance::Gradient, model.edgeOfInput[stage][storage.index], 0, microBatch};
  case RoleKind::OutputGrad: {
    std::vector<unsigned> edges = gradientEdges(model, stage, storage.index);
    if (edges.size() == 1)
      return Instance{Instance::Gradient, edges.front(), 0, microBatch};
    return Instance{Instance::GradientSum, stage, storage.index, microBatch};
  }
  default:
    return std::nullopt;
  }
}

namespace {

class StepPlanner {
public:
  StepPlanner(const StepModel &model, const Machine &machine, const StepPlan *training,
              StepPlan &plan)
      : model(model), machine(machine), training(training), plan(plan) {}

  LogicalResult run() {
    if (failed(planBlocks()) || failed(walk()))
      return failure();
    plan.ranks.resize(model.ranks);
    for (unsigned rank = 0; rank < model.ranks; ++rank)
      plan.ranks[rank].rank = rank;
    planBuckets();
    shardBuckets(model, plan.buckets, TrainingOp(model.training).getSharded());
    project();
    for (RankPlan &rank : plan.ranks) {
      placeParameters(rank);
      placeInstances(rank);
    }
    return success();
  }

private:
  /// When the gradients of a bucket are summed on all holders, and the place in the
  /// sequence behind the last task that adds to them.
  struct Summed {
    double time = 0;
    size_t behind = 0;
  };
  /// Comes before item `position` of the sequence.
  struct Reduction {
    size_t position;
    double time;
    unsigned bucket;
  };

  LogicalResult planBlocks() {
    for (auto &tasks : model.tasks)
      for (const Task &task : tasks) {
        BlockKey key = blockKey(task);
        if (plan.blocks.count(key))
          continue;
        SmallVector<const TaskCommands *> parts;
        if (task.kind == Task::Pair)
          parts = {model.half(task.stage, Half::Forward), model.half(task.pairStage, Half::Input),
                   model.half(task.pairStage, Half::Weight)};
        else
          parts = {model.half(task.stage, Half(task.kind))};
        BlockPlan block = planBlock(task.kind, task.stage, task.pairStage, parts,
                                    model.entry.has(Part::Forwards));
        for (unsigned operand : block.operands) {
          const BlockStorage &storage = block.storage[operand];
          if (storage.role != RoleKind::OutputGrad)
            continue;
          unsigned stage = storage.task ? task.pairStage : task.stage;
          if (gradientEdges(model, stage, storage.index).empty()) {
            StageOp op = model.stages[stage].op;
            return op.emitOpError() << "reads the gradient of its output " << storage.index
                                    << ", which no stage sends back";
          }
        }
        plan.blocks.emplace(key, std::move(block));
      }
    return success();
  }

  LogicalResult walk() {
    TimelineProblem problem = timelineProblem(model, plan.blocks, machine);
    std::string error;
    std::optional<Timeline> timeline = buildTimeline(problem, error);
    if (!timeline)
      return ModuleOp(model.module).emitError() << error;
    plan.timeline = std::move(*timeline);
    return success();
  }

  void project() {
    unsigned message = 0;
    auto reduction = reductions.begin();
    auto reduceBefore = [&](size_t position) {
      for (; reduction != reductions.end() && reduction->position == position; ++reduction)
        projectReduction(*reduction);
    };
    for (auto [position, item] : llvm::enumerate(plan.timeline.items)) {
      reduceBefore(position);
      if (item.isMessage) {
        const Edge &edge = model.edges[item.edge];
        RankItem half;
        half.time = item.time;
        half.end = item.end;
        half.message = message++;
        half.exchange = item.exchange;
        half.instance =
            item.isGradient
                ? Instance{Instance::Gradient, item.edge, 0, item.microBatch}
                : Instance{Instance::Activation, edge.producer, edge.output, item.microBatch};
        half.kind = RankItem::Send;
        half.peer = item.destination;
        plan.ranks[item.rank].items.push_back(half);
        half.kind = RankItem::Receive;
        half.peer = item.rank;
        plan.ranks[item.destination].items.push_back(half);
        continue;
      }
      projectRun(plan.ranks[item.rank], item);
    }
    reduceBefore(plan.timeline.items.size());
  }

  void projectReduction(const Reduction &reduction) {
    RankItem item;
    item.kind = RankItem::Reduce;
    item.time = item.end = reduction.time;
    item.bucket = reduction.bucket;
    for (unsigned rank : plan.buckets[reduction.bucket].holders)
      plan.ranks[rank].items.push_back(item);
  }

  void projectRun(RankPlan &rank, const TimelineItem &item) {
    const BlockPlan &block = plan.blocks.at(blockKey(item.task));
    RankItem base;
    base.time = item.time;
    base.end = item.end;
    base.task = item.task;
    std::vector<RankItem> after;
    for (unsigned operand : block.operands) {
      const BlockStorage &storage = block.storage[operand];
      unsigned stage = storage.task ? item.task.pairStage : item.task.stage;
      std::optional<Instance> instance = resolve(model, storage, item.task);
      RankItem extra = base;
      // A forward feeds its stage's inputs; later halves find them in their slot.
      bool feeds = storage.role == RoleKind::Feed && !fed.count({rank.rank, *instance});
      if (feeds) {
        fed.insert({rank.rank, *instance});
        extra.kind = RankItem::Feed;
        extra.instance = *instance;
        extra.name = model.stages[stage].feeds[storage.index];
        rank.items.push_back(extra);
      }
      if (storage.role == RoleKind::OutputGrad && instance->kind == Instance::GradientSum &&
          !fed.count({rank.rank, *instance})) {
        fed.insert({rank.rank, *instance});
        extra.kind = RankItem::Sum;
        extra.instance = *instance;
        rank.items.push_back(extra);
      }
      bool isForward =
          storage.task == 0 && (item.task.kind == Task::Forward || item.task.kind == Task::Pair);
      bool isOutput = storage.role == RoleKind::GraphOutput;
      bool isFetched = isOutput || storage.role == RoleKind::Loss ||
                       storage.role == RoleKind::Den || storage.role == RoleKind::Fault;
      if (isForward && isFetched) {
        extra.kind = RankItem::Fetch;
        extra.fetched = storage.role;
        extra.name = isOutput ? std::string(dpcrt::kGraphOutputPrefix) +
                                    model.stages[stage].graphOutputs[storage.index]
                              : stringifyRoleKind(storage.role).str();
        if (isOutput)
          extra.instance = *instance;
        after.push_back(extra);
      }
    }
    base.kind = RankItem::Run;
    rank.items.push_back(base);
    rank.items.insert(rank.items.end(), after.begin(), after.end());
  }

  // Buckets in order of the moment at which the last of their holders has summed
  // its micro-batches. Each has one place in the sequence, behind the last weight
  // half of all holders, so that all communications of all ranks, reductions
  // included, stand in one order. A holder that is done earlier has it further back
  // in its list than it could be, which delays nothing: its reduce stream waits for
  // the holder's own last half alone.
  void planBuckets() {
    // By element too, in the order of their first parameters.
    std::vector<Type> elements;
    auto numberOf = [&](Type element) {
      auto it = llvm::find(elements, element);
      if (it == elements.end())
        it = elements.insert(it, element);
      return size_t(it - elements.begin());
    };
    std::map<std::tuple<std::vector<unsigned>, std::vector<unsigned>, bool, size_t>, Bucket> byKey;
    for (auto [p, parameter] : llvm::enumerate(model.parameters)) {
      if (!parameter.trained)
        continue;
      Type element = parameter.kept.getElementType();
      Bucket &bucket =
          byKey[{parameter.holders, parameter.stages, parameter.sharded, numberOf(element)}];
      bucket.element = element;
      bucket.holders = parameter.holders;
      bucket.stages = parameter.stages;
      bucket.over = model.axesOver(parameter.sharded);
      bucket.parameters.push_back(p);
      bucket.bytes += alignUp(parameter.keptBytes());
    }
    std::vector<std::pair<Summed, Bucket>> timed;
    for (auto &[key, bucket] : byKey)
      timed.push_back({summedAt(bucket), std::move(bucket)});
    std::stable_sort(timed.begin(), timed.end(),
                     [](auto &a, auto &b) { return a.first.time < b.first.time; });
    size_t position = 0;
    for (auto &[summed, bucket] : timed) {
      bool alone = bucket.holders.size() == 1 && bucket.over == prog::Axes{};
      if (!alone) {
        // Behind all that begins while the last half computes: where a rank's
        // communications run one after another, these do not wait for the half.
        ArrayRef<TimelineItem> items = plan.timeline.items;
        position = std::max(position, summed.behind);
        while (position < items.size() && items[position].time < summed.time)
          ++position;
        reductions.push_back({position, summed.time, unsigned(plan.buckets.size())});
      }
      plan.buckets.push_back(std::move(bucket));
    }
  }

  Summed summedAt(const Bucket &bucket) const {
    Summed summed;
    for (auto [position, item] : llvm::enumerate(plan.timeline.items)) {
      if (item.isMessage)
        continue;
      bool weight =
          item.task.kind == Task::Weight && llvm::is_contained(bucket.stages, item.task.stage);
      bool pair =
          item.task.kind == Task::Pair && llvm::is_contained(bucket.stages, item.task.pairStage);
      if (weight || pair)
        summed = {std::max(summed.time, item.end), position + 1};
    }
    return summed;
  }

  void placeParameters(RankPlan &rank) {
    if (training) {
      const RankPlan &trained = training->ranks[rank.rank];
      rank.parameters = trained.parameters;
      rank.weightOffset = trained.weightOffset;
      rank.weightBytes = trained.weightBytes;
    }
    rank.bucketOffset.assign(plan.buckets.size(), -1);
    auto place = [&](unsigned p) {
      if (!rank.weightOffset.try_emplace(p, rank.weightBytes).second)
        return;
      rank.parameters.push_back(p);
      rank.weightBytes += alignUp(model.parameters[p].bytes());
    };
    for (auto [b, bucket] : llvm::enumerate(plan.buckets)) {
      if (!llvm::is_contained(bucket.holders, rank.rank))
        continue;
      rank.bucketOffset[b] = rank.gradientBytes;
      for (unsigned p : bucket.parameters) {
        place(p);
        rank.gradientOffset[p] = rank.gradientBytes;
        rank.gradientBytes += alignUp(model.parameters[p].keptBytes());
      }
    }
    for (auto [p, parameter] : llvm::enumerate(model.parameters))
      if (llvm::is_contained(parameter.holders, rank.rank))
        place(p);
  }

  prog::SlotType typeOf(const Instance &instance) const {
    switch (instance.kind) {
    case Instance::Gradient:
      return prog::SlotType::get(model.edgeTypes[instance.a]);
    case Instance::Activation:
    case Instance::GradientSum:
      return typeOf(instance.a, RoleKind::Output, instance.b);
    case Instance::Feed:
      return typeOf(instance.a, RoleKind::Feed, instance.b);
    case Instance::Kept:
      return typeOf(instance.a, RoleKind::Kept, instance.b);
    case Instance::Output:
      return typeOf(instance.a, RoleKind::GraphOutput, instance.b);
    }
    return {};
  }
  // An output nobody of the stage's own halves holds back is still an output of the
  // forward function: some half has it.
  prog::SlotType typeOf(unsigned stage, RoleKind role, unsigned index) const {
    for (unsigned half = 0; half < 3; ++half)
      if (const TaskCommands *commands = model.half(stage, Half(half)))
        if (int s = commands->find(role, index); s >= 0)
          return commands->storage[s].type;
    llvm_unreachable("a value that no half of its stage touches");
  }

  void touch(RankPlan &rank, const Instance &instance, int64_t position) {
    auto [it, isNew] = rank.instances.try_emplace(instance);
    auto &[range, type] = it->second;
    if (isNew) {
      type = typeOf(instance);
      range = {type.getBytes(), position, position, -1};
    }
    range.last = std::max(range.last, position);
  }

  void placeInstances(RankPlan &rank) {
    for (auto [position, item] : llvm::enumerate(rank.items)) {
      switch (item.kind) {
      case RankItem::Feed:
        touch(rank, item.instance, position);
        break;
      case RankItem::Sum:
        touch(rank, item.instance, position);
        for (unsigned edge : gradientEdges(model, item.instance.a, item.instance.b))
          touch(rank, {Instance::Gradient, edge, 0, item.instance.microBatch}, position);
        break;
      case RankItem::Run: {
        const BlockPlan &block = plan.blocks.at(blockKey(item.task));
        for (unsigned operand : block.operands)
          if (std::optional<Instance> instance =
                  resolve(model, block.storage[operand], item.task)) {
            touch(rank, *instance, position);
            // Items up to the run's end stand after it but happen during it: a
            // message that took this slot would have to wait for the end.
            if (instance->isMessage())
              touch(rank, *instance, std::max<int64_t>(position, lastDuring(rank, position)));
          }
        rank.workspaceBytes = std::max(rank.workspaceBytes, block.workspaceBytes);
        break;
      }
      case RankItem::Send: {
        // The slot is busy until the message has arrived; a later item that took
        // it would have to wait, and one of the same group could not.
        int64_t last = position;
        while (last + 1 < (int64_t)rank.items.size() && rank.items[last + 1].isIn(item.exchange))
          ++last;
        touch(rank, item.instance, std::max(last, lastBefore(rank, item.end)));
        break;
      }
      case RankItem::Receive:
        touch(rank, item.instance, position);
        break;
      case RankItem::Fetch:
        if (item.fetched == RoleKind::GraphOutput)
          touch(rank, item.instance, position);
        break;
      case RankItem::Reduce:
        break;
      }
    }
    countStashes(rank);
    for (bool messages : {false, true}) {
      std::vector<LiveRange> ranges;
      std::vector<Instance> owners;
      for (auto &[instance, place] : rank.instances)
        if (instance.isMessage() == messages) {
          ranges.push_back(place.range);
          owners.push_back(instance);
        }
      (messages ? rank.messageBytes : rank.stashBytes) = packArena(ranges);
      for (auto [owner, range] : llvm::zip(owners, ranges))
        rank.instances[owner].range = range;
    }
  }
  static int64_t lastDuring(const RankPlan &rank, size_t run) {
    size_t last = run;
    while (last + 1 < rank.items.size() && rank.items[last + 1].time < rank.items[run].end)
      ++last;
    return last;
  }
  static int64_t lastBefore(const RankPlan &rank, double time) {
    int64_t last = -1;
    for (auto [position, item] : llvm::enumerate(rank.items))
      if (item.kind == RankItem::Run && item.time < time)
        last = position;
    return last;
  }

  // A stash is what a forward leaves for its stage's halves: it is there from the
  // forward to the last half, whatever it holds.
  void countStashes(RankPlan &rank) {
    std::set<std::pair<unsigned, unsigned>> alive;
    for (const RankItem &item : rank.items) {
      if (item.kind != RankItem::Run)
        continue;
      if (item.task.kind == Task::Forward || item.task.kind == Task::Pair)
        alive.insert({item.task.stage, item.task.microBatch});
      rank.peakStashes = std::max<unsigned>(rank.peakStashes, alive.size());
      if (item.task.kind == Task::Pair)
        alive.erase({item.task.pairStage, item.task.pairMicroBatch});
      bool ends = item.task.kind == Task::Weight ||
                  (item.task.kind == Task::Input && !model.half(item.task.stage, Half::Weight));
      if (ends)
        alive.erase({item.task.stage, item.task.microBatch});
    }
  }

  const StepModel &model;
  const Machine &machine;
  const StepPlan *training;
  StepPlan &plan;
  std::set<std::pair<unsigned, Instance>> fed;
  std::vector<Reduction> reductions; // in the order of the sequence
};

} // namespace

TimelineProblem timelineProblem(const StepModel &model, const std::map<BlockKey, BlockPlan> &blocks,
                                const Machine &machine) {
  TimelineProblem problem;
  problem.ranks = model.ranks;
  problem.stages = model.stages.size();
  problem.microBatches = model.table.microBatches;
  problem.tasks = model.tasks;
  problem.edges = model.edges;
  problem.rankOf = [&model](unsigned stage, unsigned microBatch) {
    return model.table.rankOf(stage, microBatch);
  };
  problem.duration = [&blocks](const Task &task) { return blocks.at(blockKey(task)).duration; };
  if (model.entry.has(Part::Forwards)) {
    problem.firstOfReplica = [&model](unsigned microBatch) {
      return model.table.replicas[model.table.replicaOf(microBatch)].firstMicroBatch;
    };
    problem.spare = model.stages.size() * model.table.replicas.size() > model.ranks ? 0 : 1;
  }
  problem.latency = machine.messageLatency;
  problem.bandwidth = machine.messageBandwidth;
  return problem;
}

FailureOr<StepPlan> planStep(const StepModel &model, const Machine &machine,
                             const StepPlan *training) {
  StepPlan plan;
  if (failed(StepPlanner(model, machine, training, plan).run()))
    return failure();
  return std::move(plan);
}

} // namespace dpc::lowering
