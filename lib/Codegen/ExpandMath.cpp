// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which of MLIR's expansions kernels use: the same ones on every target, so that a
// function has the same bits wherever its instructions do.
#include "LowerKernel.h"
#include "Math64.h"

#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace dpc::codegen {

static void populateFunctionPatterns(RewritePatternSet &patterns) {
  populateMath64Patterns(patterns); // the approximations below are of f32
  populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
    return name == "math.exp" || name == "math.log" || name == "math.tanh" || name == "math.erf";
  });
}

LogicalResult expandFunctions(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateFunctionPatterns(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

LogicalResult expandMath(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateFunctionPatterns(patterns);
  arith::populateExpandBFloat16Patterns(patterns);
  return applyPatternsGreedily(module, std::move(patterns));
}

} // namespace dpc::codegen
