// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reduction of gradients: zero before the first micro-batch, and each bucket
// summed over its holders as soon as its last weight half is done, on a stream of
// its own; where the optimizer is sharded, each part of it at the holder that updates it.
#include "StepPart.h"

using namespace mlir;

namespace dpc::lowering {
namespace {

class Reduction : public StepPart {
public:
  using StepPart::StepPart;

  void begin() override {
    program.fill({Gradients, 0, program.bytes(program.memory.bytes[Gradients])});
  }

  size_t emit(ArrayRef<RankItem> items) override {
    if (items.front().kind != RankItem::Reduce)
      return 0;
    unsigned number = items.front().bucket;
    const Bucket &bucket = program.plan.buckets[number];
    const int64_t size = bucket.element.getIntOrFloatBitWidth() / 8;
    const int64_t begin = program.mine.bucketOffset[number];
    const Range range = {Gradients, begin,
                         prog::SlotType::get(bucket.bytes / size, bucket.element)};
    auto placeOf = [&](unsigned p, int64_t element) {
      return (program.mine.gradientOffset.at(bucket.parameters[p]) - begin) / size + element;
    };
    std::vector<int64_t> parts;
    if (bucket.isSharded())
      parts = partSizes(boundariesOf(bucket.shards, placeOf, bucket.bytes / size));
    program.collective(bucket.isSharded() ? prog::CollectiveKind::ReduceScatter
                                          : prog::CollectiveKind::AllReduce,
                       range, program.groupOf(bucket.holders, bucket.over), parts);
    return 1;
  }
};

} // namespace

std::unique_ptr<StepPart> makeReduction(RankProgram &program) {
  return std::make_unique<Reduction>(program);
}

} // namespace dpc::lowering
