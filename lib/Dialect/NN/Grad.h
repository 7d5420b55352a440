// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The words derivatives are written in: each call makes one nn operation at the
// builder's insertion point, under the location `grad of` the forward operation.
#ifndef DPC_LIB_DIALECT_NN_GRAD_H
#define DPC_LIB_DIALECT_NN_GRAD_H

#include "dpc/Dialect/NN/Builders.h"

namespace dpc::nn {

class Grad {
public:
  Grad(mlir::OpBuilder &builder, mlir::Operation *forward)
      : builder(builder), loc(getGradLoc(forward->getLoc())) {}

  using V = mlir::Value;
  V add(V a, V b) const { return AddOp::create(builder, loc, a, b); }
  V sub(V a, V b) const { return SubOp::create(builder, loc, a, b); }
  V mul(V a, V b) const { return MulOp::create(builder, loc, a, b); }
  V div(V a, V b) const { return DivOp::create(builder, loc, a, b); }
  V neg(V a) const { return NegOp::create(builder, loc, a); }
  V exp(V a) const { return ExpOp::create(builder, loc, a); }
  V splat(V like, double value) const { return createSplat(builder, loc, like.getType(), value); }
  V scale(V a, double factor) const { return mul(a, splat(a, factor)); }
  V compare(Predicate predicate, V a, V b) const {
    return CompareOp::create(builder, loc, predicate, a, b);
  }
  V select(V condition, V a, V b) const { return SelectOp::create(builder, loc, condition, a, b); }
  /// `value`, whose dimensions are those of `shape` without the last one,
  /// repeated along it.
  V alongRows(V value, llvm::ArrayRef<int64_t> shape) const {
    return broadcastAlong(builder, loc, value, shape,
                          identityPermutation(getTensorType(value).getRank()));
  }
  /// Adds to a gradient that may still be null (zero).
  void accumulate(V &grad, V contribution) const {
    grad = grad ? add(grad, contribution) : contribution;
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace dpc::nn

#endif // DPC_LIB_DIALECT_NN_GRAD_H
