// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all ranks agree on before the update: the sum of the losses' weights, the sum
// of the gradients' squares, and whether anything was not finite; each rank's own,
// then everybody's by one all-reduce.
#include "StepPart.h"

#include <numeric>

using namespace mlir;

namespace dpc::lowering {
namespace {

class Statistics : public StepPart {
public:
  using StepPart::StepPart;

  void begin() override { program.fill({Sums, 0, program.bytes(program.memory.bytes[Sums])}); }

  void end() override {
    const StepModel &model = program.model;
    Range dens = program.sums(program.memory.sums.den, model.table.microBatches);
    program.launch(program.kernels.denSum, {{dens, false}, {program.statistic(0), true}});
    // A step with a division by 0 is skipped, as one that is not finite.
    SmallVector<std::pair<Range, bool>> watched = {
        {program.sums(program.memory.sums.loss, model.table.microBatches), false}};
    if (model.hasFault)
      watched.push_back({program.faults(0, model.table.microBatches), false});
    watched.push_back({program.statistic(2), true});
    program.launch(program.kernels.flag, watched);
    emitSquares();
    const prog::Axes over = model.axesOver(/*sharded=*/false);
    if (model.ranks * model.copiesOver(over) == 1)
      return;
    std::vector<unsigned> all(model.ranks);
    std::iota(all.begin(), all.end(), 0);
    program.allReduce(program.statistics(), program.groupOf(all, over));
  }

private:
  // The sums of all blocks, first of what is reduced first, and then their sum in the
  // order in which they lie. Between the parameters' sums lies padding, which is zero.
  void emitSquares() {
    const StepSums &places = program.memory.sums;
    if (places.squaresBytes == 0)
      return;
    for (unsigned p : program.mine.parameters) {
      if (!program.model.parameters[p].isCountedOn(program.mine.rank))
        continue;
      const SquareKernels &kernels = program.kernels.squares.at(p);
      int64_t offset = places.squaresOf.at(p);
      SquareBlocks blocks = squareBlocks(program.model.parameters[p]);
      Range whole = program.gradient(p), rest = whole;
      Type element = whole.type.getElementType();
      whole.type = prog::SlotType::get(blocks.wholeElements(), element);
      rest.type = prog::SlotType::get(blocks.rest, element);
      rest.offset += whole.bytes();
      if (blocks.whole > 0)
        program.launch(kernels.blocks,
                       {{whole, false}, {program.sums(offset, blocks.whole), true}});
      if (blocks.rest > 0)
        program.launch(kernels.rest,
                       {{rest, false}, {program.sums(offset + 4 * blocks.whole, 1), true}});
    }
    program.launch(program.kernels.squareTotal[program.mine.rank],
                   {{program.sums(places.squares, places.squaresBytes / 4), true}});
    program.copy(program.sums(places.squares + places.squaresBytes - 4, 1), program.statistic(1));
  }
};

} // namespace

std::unique_ptr<StepPart> makeStatistics(RankProgram &program) {
  return std::make_unique<Statistics>(program);
}

} // namespace dpc::lowering
