// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Means that a graph writes out: a sum over the batch divided by a sum that
// depends on the data, Σ l·m / Σ m. Over several micro-batches such a mean is
// the quotient of the sums of both, as with a loss operator that knows its
// weights: the divisor is the micro-batch's denominator.
//
// That holds if numerator and divisor add up over micro-batches and the divisor
// has no gradient. What keeps a divisor from being 0 does not add up, so it is
// allowed only where it cannot matter:
//   Σm + c, max(Σm, c): c at most 1e-6, an error in single precision's noise;
//   max(Σm, c), c <= 1: Σm a count (m is 0 or 1), the numerator masked by m;
//   Σm == 0 ? c : Σm: the numerator masked by m.
// The last two act only where the numerator is 0 as well.
#ifndef DPC_LIB_IMPORT_DENOMINATOR_H
#define DPC_LIB_IMPORT_DENOMINATOR_H

#include "Emitter.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace dpc::import {

/// A division by a value that depends on the data.
struct Quotient {
  mlir::Operation *root = nullptr;    ///< its result, one element, is the mean
  mlir::OpOperand *divisor = nullptr; ///< where the division reads what it divides by
  mlir::Value numerator;              ///< null if the division is inside of the sum
  mlir::Value den;                    ///< one element; what adds up over micro-batches
  std::string problem; ///< why the quotient is no mean of that kind; empty: it is one
  /// Whether only the values of the mask keep it from being one: the user may
  /// say that they are 0 and 1.
  bool isLikely = false;
};

/// The quotient that the operation is, if it is a division by what depends on
/// an input. `isTrained` tells which parameters have gradients.
std::optional<Quotient> matchQuotient(mlir::Operation *op,
                                      llvm::function_ref<bool(llvm::StringRef)> isTrained);

/// Whether two values are computed in the same way, views and exact casts
/// aside.
bool areEqual(mlir::Value a, mlir::Value b);

/// Makes the quotient 0, and its gradient, where its denominator is 0; returns
/// the value that takes the place of its result.
mlir::Value guardQuotient(const Quotient &quotient);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_DENOMINATOR_H
