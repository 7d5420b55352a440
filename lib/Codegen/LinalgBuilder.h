// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The few forms of linalg that kernels consist of, as functions: elementwise over
// an iteration space with affine reads, and reductions. The lowerings of
// operations are written with these alone, so the evaluator sees two forms only.
#ifndef DPC_LIB_CODEGEN_LINALGBUILDER_H
#define DPC_LIB_CODEGEN_LINALGBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dpc::codegen {

/// What a reduction combines with. Maximum propagates NaN; MaxNum is the plain
/// machine maximum, for places where NaN reaches the result another way.
enum class Combiner { Add, Maximum, MaxNum };

/// Writes linalg operations at one place.
class LinalgBuilder {
public:
  using Body = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::ValueRange)>;

  LinalgBuilder(mlir::OpBuilder &builder, mlir::Location loc) : b(loc, builder) {}

  mlir::ImplicitLocOpBuilder b;

  /// result[i...] = body(inputs[maps(i...)]...). An input without a map is read at
  /// the same position.
  mlir::Value map(mlir::Type resultType, mlir::ValueRange inputs,
                  llvm::ArrayRef<mlir::AffineMap> maps, Body body);
  mlir::Value map(mlir::Type resultType, mlir::ValueRange inputs, Body body) {
    return map(resultType, inputs, {}, body);
  }

  /// Combines over `axes`; keeps the other dimensions.
  mlir::Value reduce(mlir::Value input, llvm::ArrayRef<int64_t> axes, Combiner combiner);
  mlir::Value reshape(mlir::Value input, llvm::ArrayRef<int64_t> shape);

  /// The map of a tensor over the leading `rank - 1` of `rank` dimensions.
  mlir::AffineMap rowMap(unsigned rank) {
    return mlir::AffineMap::getMultiDimIdentityMap(rank, b.getContext()).getMajorSubMap(rank - 1);
  }
  /// The map of a tensor over the last of `rank` dimensions.
  mlir::AffineMap lastMap(unsigned rank) {
    return mlir::AffineMap::get(rank, 0, b.getAffineDimExpr(rank - 1), b.getContext());
  }
  /// The map of a scalar.
  mlir::AffineMap scalarMap(unsigned rank) { return mlir::AffineMap::get(rank, 0, b.getContext()); }
  mlir::AffineMap identityMap(unsigned rank) {
    return mlir::AffineMap::getMultiDimIdentityMap(rank, b.getContext());
  }
};

/// A scalar of float, integer or index type.
mlir::Value constant(mlir::ImplicitLocOpBuilder &b, mlir::Type type, double value);

inline mlir::RankedTensorType tensorType(mlir::Value v) {
  return mlir::cast<mlir::RankedTensorType>(v.getType());
}

/// The type that a tensor has in a lowered kernel: unsigned integers lose their
/// sign, which the operations know.
mlir::RankedTensorType loweredType(mlir::Type type);
/// The type in which elements of `type` are computed: f32 for 16-bit floats.
mlir::Type computeType(mlir::Type type);
/// Converts a float between element and compute type.
mlir::Value convertFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value v, mlir::Type type);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_LINALGBUILDER_H
