// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Composes a rank's program from the parts of its entry point. First every part
// begins, then the rank's items follow in the order of the plan, each written by the
// part that knows it, then every part ends. The last command joins all streams.
#include "RankEmitter.h"

#include "StepPart.h"

using namespace mlir;

namespace dpc::lowering {

static std::unique_ptr<StepPart> makePart(Part part, RankProgram &program) {
  switch (part) {
  case Part::Tasks:
  case Part::Forwards:
    return makeTasks(program);
  case Part::Reduction:
    return makeReduction(program);
  case Part::Statistics:
    return makeStatistics(program);
  case Part::Update:
    return makeUpdate(program);
  }
  llvm_unreachable("every part has a writer");
}

prog::ProgramOp emitRank(OpBuilder &builder, const StepModel &model, const StepPlan &plan,
                         unsigned rank, RankMemory memory, const StepKernels &kernels) {
  RankProgram program(builder, model, plan, rank, std::move(memory), kernels);
  std::vector<std::unique_ptr<StepPart>> parts;
  for (Part part : model.entry.parts)
    parts.push_back(makePart(part, program));
  for (auto &part : parts)
    part->begin();
  for (ArrayRef<RankItem> items = plan.ranks[rank].items; !items.empty();) {
    size_t taken = 0;
    for (size_t i = 0; i < parts.size() && !taken; ++i)
      taken = parts[i]->emit(items);
    assert(taken > 0 && "an item of the plan belongs to no part of the entry point");
    items = items.drop_front(taken);
  }
  for (auto &part : parts)
    part->end();
  program.join();
  return program.finish();
}

} // namespace dpc::lowering
