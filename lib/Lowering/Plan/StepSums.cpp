// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepSums.h.
#include "StepSums.h"

#include "Arena.h"
#include "dpc/Optimizer/Update.h"

using namespace mlir;

namespace dpc::lowering {

int64_t SquareBlocks::wholeElements() const { return whole * optimizer::kSquareBlock; }

SquareBlocks squareBlocks(int64_t elements) {
  return {elements / optimizer::kSquareBlock, elements % optimizer::kSquareBlock};
}

StepSums placeSums(const StepModel &model, unsigned rank) {
  int64_t perMicroBatch = alignUp(4 * model.table.microBatches);
  StepSums sums;
  sums.loss = perMicroBatch;
  sums.bytes = 2 * perMicroBatch;
  if (model.hasFault) {
    sums.fault = sums.bytes;
    sums.bytes += alignUp(8 * model.table.microBatches);
  }
  if (!model.entry.has(Part::Statistics))
    return sums;
  sums.statistics = sums.bytes;
  sums.squares = sums.statistics + kAlignment;
  for (auto [p, parameter] : llvm::enumerate(model.parameters))
    if (parameter.isCountedOn(rank)) {
      sums.squaresOf[p] = sums.squares + sums.squaresBytes;
      sums.squaresBytes += alignUp(4 * squareBlocks(parameter.kept.getCount()).count());
    }
  sums.bytes = sums.squares + sums.squaresBytes;
  return sums;
}

} // namespace dpc::lowering
