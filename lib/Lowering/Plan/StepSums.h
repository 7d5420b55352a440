// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sums arena of a rank: what it adds up over a step beside gradients. First the
// weight (den) and the loss of every micro-batch, then the statistics that all ranks
// agree on (and before them where integers were divided by 0), then the sums of squares of the
// gradients it counts, one per block. What depends on how the optimizer is sharded lies behind
// (RankMemory.h).
#ifndef DPC_LIB_LOWERING_PLAN_STEPSUMS_H
#define DPC_LIB_LOWERING_PLAN_STEPSUMS_H

#include "Arena.h"
#include "StepModel.h"

namespace dpc::lowering {

/// Consecutive elements in blocks of `size`, the last block of what is left.
struct Blocks {
  int64_t size = 1, whole = 0;
  int64_t rest = 0; // elements of the last, shorter block
  int64_t count() const { return whole + (rest > 0); }
  int64_t wholeElements() const { return whole * size; }
  bool operator<(const Blocks &other) const {
    return std::tie(size, whole, rest) < std::tie(other.size, other.whole, other.rest);
  }
};
/// Those that a gradient's squares are summed over (optimizer::kSquareBlock).
Blocks squareBlocks(int64_t elements);
/// The rows of a hash, of so many words (optimizer::kHashRow).
Blocks hashRows(int64_t words);

/// Byte offsets in the arena.
struct StepSums {
  int64_t den = 0, loss = 0;
  int64_t fault = 0; // of every micro-batch, an i64; where the model has it
  // Where an entry point has statistics:
  int64_t statistics = 0; // {sum of den, sum of squares, non-finite flag, 0, mirrors...}, all f32
  int64_t squares = 0;    // of all that the rank counts, one after the other
  int64_t squaresBytes = 0;
  std::map<unsigned, int64_t> squaresOf; // by parameter, in the model's order
  int64_t bytes = 0;
};
StepSums placeSums(const StepModel &model, unsigned rank);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPSUMS_H
