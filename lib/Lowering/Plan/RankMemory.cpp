// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RankMemory.h.
#include "RankMemory.h"

#include "program/format/Optimizers.h"
#include "program/format/StepRecord.h"

#include <algorithm>
#include <numeric>
#include <set>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {

int64_t RankMemory::total() const { return std::accumulate(bytes, bytes + ArenaCount, int64_t(0)); }

// Masters and moments of the shards, and room for the squares of all blocks.
static void placeShards(const StepModel &model, const std::vector<Bucket> &buckets, unsigned rank,
                        size_t moments, RankMemory &memory) {
  if (!model.entry.has(Part::Update))
    return;
  const unsigned replicas = model.dp * model.ep;
  std::vector<int64_t> momentBytes(replicas), masterBytes(replicas);
  for (auto [b, bucket] : llvm::enumerate(buckets)) {
    if (!bucket.isSharded() || !llvm::is_contained(bucket.holders, rank))
      continue;
    const int64_t squares = memory.bytes[Sums];
    for (unsigned p : bucket.parameters) {
      memory.gatheredSquares[p] = memory.bytes[Sums];
      memory.bytes[Sums] += alignUp(4 * squareBlocks(model.parameters[p].kept.getCount()).count());
    }
    memory.gatheredOf[b] = {squares, memory.bytes[Sums] - squares};
    // Expert ranks have the same shard of different experts.
    std::map<unsigned, std::vector<int64_t>> replicasOf; // by member
    for (unsigned replica = 0; replica < replicas; ++replica)
      replicasOf[memberOf(model, bucket, rank, replica)].push_back(replica);
    for (auto &[member, own] : replicasOf)
      for (const Shard &shard : bucket.shards[member]) {
        KeptShard kept;
        kept.parameter = bucket.parameters[shard.parameter];
        kept.shard = shard;
        if (own.size() < replicas)
          kept.replicas = own;
        const StepParameter &parameter = model.parameters[kept.parameter];
        const int64_t bytes =
            alignUp(shard.elements * (parameter.keptBytes() / parameter.kept.getCount()));
        auto place = [&](std::vector<int64_t> &used) {
          int64_t offset = 0;
          for (int64_t replica : own)
            offset = std::max(offset, used[replica]);
          for (int64_t replica : own)
            used[replica] = offset + bytes;
          return offset;
        };
        for (size_t k = 0; k < moments; ++k)
          kept.moments.push_back(place(momentBytes));
        if (parameter.hasMaster())
          kept.master = place(masterBytes);
        memory.shards.push_back(std::move(kept));
      }
  }
  // What is kept whole lies behind, at one place on all replicas.
  memory.bytes[Moments] = *std::max_element(momentBytes.begin(), momentBytes.end());
  memory.bytes[Masters] = *std::max_element(masterBytes.begin(), masterBytes.end());
}

static void placeHashes(const StepModel &model, unsigned rank, RankMemory &memory) {
  for (auto [s, set] : llvm::enumerate(model.mirrors.sets)) {
    if (!llvm::is_contained(set.holders, rank))
      continue;
    SetHashes hashes;
    hashes.set = s;
    hashes.rows = hashes.total = memory.bytes[Sums];
    for (unsigned p : set.parameters)
      for (MirroredValue &value : mirroredValues(model, p, memory.gatheredSquares.count(p))) {
        hashes.total += value.hashBytes();
        hashes.values.push_back(std::move(value));
      }
    hashes.count = (hashes.total - hashes.rows) / 4;
    memory.bytes[Sums] = hashes.total + kAlignment;
    memory.hashes.push_back(std::move(hashes));
  }
}

RankMemory planMemory(const StepModel &model, const StepPlan &plan, unsigned rank,
                      const RankMemory *training, const std::vector<Bucket> *buckets) {
  const RankPlan &mine = plan.ranks[rank];
  RankMemory memory;
  memory.bytes[Weights] = mine.weightBytes;
  memory.bytes[Gradients] = mine.gradientBytes;
  memory.bytes[Stash] = mine.stashBytes;
  memory.bytes[Messages] = mine.messageBytes;
  memory.bytes[Workspace] = mine.workspaceBytes;
  memory.bytes[Record] = sizeof(dpcrt::StepHeader);
  if (model.entry.has(Part::Update))
    memory.bytes[Record] += sizeof(dpcrt::StepEntry) * mine.parameters.size();
  memory.sums = placeSums(model, rank);
  memory.bytes[Sums] = memory.sums.bytes;
  size_t moments = dpcrt::findOptimizer(TrainingOp(model.training).getOptimizer())->moments.size();
  placeShards(model, buckets ? *buckets : plan.buckets, rank, moments, memory);
  placeHashes(model, rank, memory);
  for (unsigned p : mine.parameters) {
    const StepParameter &parameter = model.parameters[p];
    if (memory.gatheredSquares.count(p))
      continue;
    if (parameter.trained)
      for (size_t k = 0; k < moments; ++k) {
        memory.momentOffset[{p, (unsigned)k}] = memory.bytes[Moments];
        memory.bytes[Moments] += alignUp(parameter.keptBytes());
      }
    // Who does not update reads the copy alone.
    if (parameter.hasMaster() && model.entry.has(Part::Update)) {
      memory.masterOffset[p] = memory.bytes[Masters];
      memory.bytes[Masters] += alignUp(parameter.keptBytes());
    }
  }
  // Constants in the order in which the rank's runs first need them; a block that
  // does nothing is never run.
  std::set<BlockKey> seen;
  for (const RankItem &item : mine.items) {
    if (item.kind != RankItem::Run || !seen.insert(blockKey(item.task)).second)
      continue;
    const BlockPlan &block = plan.blocks.at(blockKey(item.task));
    if (block.commands.empty())
      continue;
    for (const BlockStorage &storage : block.storage)
      if (storage.place == BlockStorage::Constant &&
          memory.constantOffset.try_emplace(storage.value, memory.bytes[Constants]).second) {
        memory.constants.push_back(storage.value);
        memory.bytes[Constants] += alignUp(nn::getByteSize(storage.value.getType()));
      }
  }
  auto isKnown = [&](ElementsAttr value) { return training->constantOffset.contains(value); };
  if (training && !memory.constants.empty() && llvm::all_of(memory.constants, isKnown)) {
    memory.constantOffset = training->constantOffset;
    memory.bytes[Constants] = training->bytes[Constants];
  }
  return memory;
}

} // namespace dpc::lowering
