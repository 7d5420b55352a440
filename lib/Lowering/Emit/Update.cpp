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
    for (unsigned p : program.mine.parameters)
      if (program.model.parameters[p].trained && !program.memory.gatheredSquares.count(p))
        emitUpdate(p, p, program.weight(p), program.gradient(p), {});
    for (const KeptShard &kept : program.memory.shards) {
      const unsigned p = kept.parameter;
      emitUpdate(p, kept, program.part(program.weight(p), kept.shard),
                 program.part(program.gradient(p), kept.shard), kept.replicas);
    }
    for (auto [number, bucket] : llvm::enumerate(program.plan.buckets))
      if (bucket.isSharded() && llvm::is_contained(bucket.holders, program.mine.rank))
        gatherWeights(bucket);
  }

private:
  // `owner`: of the master and the moments, the parameter or a part of it.
  template <typename Owner>
  void emitUpdate(unsigned p, const Owner &owner, const Range &weight, const Range &gradient,
                  ArrayRef<int64_t> replicas) {
    const bool hasMaster = program.model.parameters[p].hasMaster();
    SmallVector<std::pair<Range, bool>> uses = {{hasMaster ? program.master(owner) : weight, true},
                                                {gradient, false}};
    for (unsigned k = 0; k < program.kernels.momentNames.size(); ++k)
      uses.push_back({program.moment(owner, k), true});
    uses.push_back({program.recordHeader(), false});
    uses.push_back({program.recordEntry(p), false});
    if (hasMaster) // and the copy of it that is computed with
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
