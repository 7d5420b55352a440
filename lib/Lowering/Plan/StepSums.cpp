// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepSums.h.
#include "StepSums.h"

#include "dpc/Optimizer/MirrorHash.h"
#include "dpc/Optimizer/Update.h"

using namespace mlir;

namespace dpc::lowering {

static Blocks blocksOf(int64_t elements, int64_t size) {
  return {size, elements / size, elements % size};
}
Blocks squareBlocks(int64_t elements) { return blocksOf(elements, optimizer::kSquareBlock); }
Blocks hashRows(int64_t words) { return blocksOf(words, optimizer::kHashRow); }

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
  sums.squares = sums.statistics + alignUp(4 * (optimizer::kStatistics + model.mirrors.words()));
  for (auto [p, parameter] : llvm::enumerate(model.parameters))
    if (parameter.isCountedOn(rank)) {
      sums.squaresOf[p] = sums.squares + sums.squaresBytes;
      sums.squaresBytes += alignUp(4 * squareBlocks(parameter.kept.getCount()).count());
    }
  sums.bytes = sums.squares + sums.squaresBytes;
  return sums;
}

} // namespace dpc::lowering
