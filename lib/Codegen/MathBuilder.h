// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar functions that are written out, because no machine instruction and no
// accurate expansion of MLIR's exists for them. The same code serves vectors,
// their tails and scalars, so all give the same bits.
#ifndef DPC_LIB_CODEGEN_MATHBUILDER_H
#define DPC_LIB_CODEGEN_MATHBUILDER_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dpc::codegen {

/// sin x (or cos x) in f32, within 2 ulp for |x| up to 1e5; NaN for inf and NaN.
mlir::Value buildSinCos(mlir::ImplicitLocOpBuilder &b, mlir::Value x, bool cosine);
/// a^b in f32 with the special cases of IEEE 754's pow.
mlir::Value buildPow(mlir::ImplicitLocOpBuilder &b, mlir::Value a, mlir::Value e);
/// The logistic function; 0 and 1 at the infinities.
mlir::Value buildSigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_MATHBUILDER_H
