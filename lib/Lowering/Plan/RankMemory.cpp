// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RankMemory.h.
#include "RankMemory.h"

#include "program/format/Optimizers.h"
#include "program/format/StepRecord.h"

#include <numeric>
#include <set>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {

int64_t RankMemory::total() const { return std::accumulate(bytes, bytes + ArenaCount, int64_t(0)); }

RankMemory planMemory(const StepModel &model, const StepPlan &plan, unsigned rank,
                      const RankMemory *training) {
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
  for (unsigned p : mine.parameters) {
    const StepParameter &parameter = model.parameters[p];
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
