// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The end of a training step: the factor of the gradients into the step record, and
// every parameter updated with it; where the optimizer is sharded, each part by the one that
// has it, from whom the others then get the new values.
#include "StepPart.h"

#include "program/format/StepRecord.h"

using namespace mlir;

namespace dpc::lowering {
namespace {

class Update : public StepPart {
public:
  using StepPart::StepPart;

  void end() override {
    const StepKernels &kernels = program.kernels;
    Range header = program.recordHeader();
    // What the step before was is read by this one's kernels, which write what this one is.
    program.copy(program.recordWords(dpcrt::kOutcome, dpcrt::kOutcomeBytes),
                 program.recordWords(dpcrt::kOutcomeBefore, dpcrt::kOutcomeBytes));
    program.launch(kernels.finalize, {{program.statistics(), false}, {header, true}});
    for (unsigned p : program.mine.parameters) {
      if (!program.model.parameters[p].trained || program.memory.gatheredSquares.count(p))
        continue;
      SmallVector<Range> moments;
      for (size_t k = 0; k < kernels.momentNames.size(); ++k)
        moments.push_back(program.moment(p, k));
      const bool hasMaster = program.model.parameters[p].hasMaster();
      emitUpdate(p, program.weight(p), program.gradient(p),
                 hasMaster ? std::optional(program.master(p)) : std::nullopt, moments, {});
    }
    for (const KeptShard &kept : program.memory.shards) {
      const unsigned p = kept.parameter;
      SmallVector<Range> moments;
      for (size_t k = 0; k < kernels.momentNames.size(); ++k)
        moments.push_back(program.moment(kept, k));
      const bool hasMaster = program.model.parameters[p].hasMaster();
      emitUpdate(p, program.part(program.weight(p), kept.shard),
                 program.part(program.gradient(p), kept.shard),
                 hasMaster ? std::optional(program.master(kept)) : std::nullopt, moments,
                 kept.replicas);
    }
    for (auto [number, bucket] : llvm::enumerate(program.plan.buckets))
      if (bucket.isSharded() && llvm::is_contained(bucket.holders, program.mine.rank))
        gatherWeights(bucket);
  }

private:
  void emitUpdate(unsigned p, const Range &weight, const Range &gradient,
                  const std::optional<Range> &master, ArrayRef<Range> moments,
                  ArrayRef<int64_t> replicas) {
    SmallVector<std::pair<Range, bool>> uses = {{master ? *master : weight, true},
                                                {gradient, false}};
    for (const Range &moment : moments)
      uses.push_back({moment, true});
    uses.push_back({program.recordHeader(), false});
    uses.push_back({program.recordEntry(p), false});
    if (master) // and the copy of it that is computed with
      uses.push_back({weight, true});
    program.launch(program.kernels.update.at({p, weight.type.getCount()}), uses, replicas);
  }

  // A bucket's weights lie in its order, one after the other.
  void gatherWeights(const Bucket &bucket) {
    const unsigned last = bucket.parameters.back();
    const Range first = program.weight(bucket.parameters.front());
    const int64_t size = first.bytes() / first.type.getCount();
    const int64_t bytes =
        program.weight(last).offset + alignUp(program.weight(last).bytes()) - first.offset;
    auto placeOf = [&](unsigned p, int64_t element) {
      return (program.weight(bucket.parameters[p]).offset - first.offset) / size + element;
    };
    program.collective(
        prog::CollectiveKind::AllGather,
        {Weights, first.offset, prog::SlotType::get(bytes / size, first.type.getElementType())},
        program.groupOf(bucket.holders, bucket.over),
        partSizes(boundariesOf(bucket.shards, placeOf, bytes / size)));
  }
};

} // namespace

std::unique_ptr<StepPart> makeUpdate(RankProgram &program) {
  return std::make_unique<Update>(program);
}

} // namespace dpc::lowering
