// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The reduction of gradients: zero before the first micro-batch, and each bucket
// summed over its holders as soon as its last weight half is done, on a stream of
// its own.
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
    auto type = prog::SlotType::get(bucket.bytes * 8 / bucket.element.getIntOrFloatBitWidth(),
                                    bucket.element);
    program.allReduce({Gradients, program.mine.bucketOffset[number], type},
                      program.groupOf(bucket.holders, bucket.over));
    return 1;
  }
};

} // namespace

std::unique_ptr<StepPart> makeReduction(RankProgram &program) {
  return std::make_unique<Reduction>(program);
}

} // namespace dpc::lowering
