// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sums arena of a rank: what it adds up over a step beside gradients. First the
// weight (den) and the loss of every micro-batch, then the statistics that all ranks
// agree on (and before them where integers were divided by 0), then the sums of squares of the
// gradients it counts, one per block.
#ifndef DPC_LIB_LOWERING_PLAN_STEPSUMS_H
#define DPC_LIB_LOWERING_PLAN_STEPSUMS_H

#include "StepModel.h"

namespace dpc::lowering {

/// The blocks that a gradient's squares are summed over (optimizer::kSquareBlock).
struct SquareBlocks {
  int64_t whole = 0;
  int64_t rest = 0; // elements of the last, shorter block
  int64_t count() const { return whole + (rest > 0); }
  int64_t wholeElements() const;
  bool operator<(const SquareBlocks &other) const {
    return std::tie(whole, rest) < std::tie(other.whole, other.rest);
  }
};
SquareBlocks squareBlocks(int64_t elements);

/// Byte offsets in the arena.
struct StepSums {
  int64_t den = 0, loss = 0;
  int64_t fault = 0; // of every micro-batch, an i64; where the model has it
  // Where an entry point has statistics:
  int64_t statistics = 0; // {sum of den, sum of squares, non-finite flag, 0}, all f32
  int64_t squares = 0;    // of all that the rank counts, one after the other
  int64_t squaresBytes = 0;
  std::map<unsigned, int64_t> squaresOf; // by parameter, in the model's order
  int64_t bytes = 0;
};
StepSums placeSums(const StepModel &model, unsigned rank);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_STEPSUMS_H
