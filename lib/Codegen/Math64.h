// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// exp, log, tanh, erf, sin and cos of f64, as arithmetic: kernels call nothing, and a
// function's bits must not depend on the machine's library. Within a few units of the
// last place; speed is no goal.
#ifndef DPC_LIB_CODEGEN_MATH64_H
#define DPC_LIB_CODEGEN_MATH64_H

#include "mlir/IR/PatternMatch.h"

namespace dpc::codegen {

/// Expands these operations on f64 and on vectors of it.
void populateMath64Patterns(mlir::RewritePatternSet &patterns);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_MATH64_H
