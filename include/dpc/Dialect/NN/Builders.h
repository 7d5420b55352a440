// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Short ways to build what import, differentiation and rewrites build all the
// time: splat constants, broadcasts, reshapes and transposes that vanish where
// they would do nothing, and the location of a derivative.
#ifndef DPC_DIALECT_NN_BUILDERS_H
#define DPC_DIALECT_NN_BUILDERS_H

#include "dpc/Dialect/NN/NN.h"
#include "mlir/IR/Builders.h"

namespace dpc::nn {

/// The value's type; every value of this dialect is a ranked static tensor.
mlir::RankedTensorType getTensorType(mlir::Value value);

/// The type of what is computed of all of a tensor's elements, a value of each place of
/// `shape`: f32 at least.
mlir::RankedTensorType getStatisticsType(mlir::RankedTensorType of, llvm::ArrayRef<int64_t> shape);

/// `value` rounded to the element type (float, integer, or i1: value != 0).
mlir::TypedAttr getScalarAttr(mlir::Type elementType, double value);

/// A constant of static tensor type `type` whose elements are all `value`.
mlir::Value createSplat(mlir::OpBuilder &builder, mlir::Location loc, mlir::Type type,
                        double value);

/// A rank-1 constant tensor of i64.
mlir::Value createI64s(mlir::OpBuilder &builder, mlir::Location loc,
                       llvm::ArrayRef<int64_t> values);

/// `value` under another shape with as many elements; itself if equal.
mlir::Value createReshape(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                          llvm::ArrayRef<int64_t> shape);

/// `value` with dimensions permuted; itself if the permutation is the identity.
mlir::Value createTranspose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                            llvm::ArrayRef<int64_t> perm);

/// `value` with its dimension i as dimension dims[i] of `shape`.
mlir::Value broadcastAlong(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                           llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> dims);

/// `value` repeated to `shape` by NumPy's rule: dimensions are aligned at the
/// end, new and unit ones repeat. Itself if the shapes are equal.
mlir::Value broadcastTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                        llvm::ArrayRef<int64_t> shape);

/// `value` cast to an element type; itself if it has it.
mlir::Value createCast(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                       mlir::Type elementType);

/// Whether the value's elements are floats of 16 bits.
bool isHalf(mlir::Value value);

/// `value` of 16-bit floats as f32; null if it has other elements.
mlir::Value widen(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

/// Whether `wide` is what `narrow` of 16 bits is before it is rounded: f32.
bool isUnrounded(mlir::RankedTensorType wide, mlir::RankedTensorType narrow);

/// Gives the operation's scalar attributes of floats of another width than f64 (what is
/// padded with) this type.
void convertScalars(mlir::Operation *op, mlir::FloatType element);

/// The sum of `value` over the given dimensions, which are kept with extent 1
/// if `keepDims`. Itself if `axes` is empty.
mlir::Value createSum(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      llvm::ArrayRef<int64_t> axes, bool keepDims = false);

bool isIdentityPermutation(llvm::ArrayRef<int64_t> perm);
llvm::SmallVector<int64_t> invertPermutation(llvm::ArrayRef<int64_t> perm);
llvm::SmallVector<int64_t> identityPermutation(int64_t rank);

/// The location of a derivative's operations: `grad of` around the forward's.
mlir::Location getGradLoc(mlir::Location loc);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_BUILDERS_H
