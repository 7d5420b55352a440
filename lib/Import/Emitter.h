// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes nn operations, folding each as it is made: the operands of shape
// arithmetic are constants, so it is gone before it exists. The conversions that
// ONNX does silently (broadcasting, kept dimensions, permuted axes) are explicit
// here, once.
//
// Callers check shapes and types; the emitter asserts.
#ifndef DPC_LIB_IMPORT_EMITTER_H
#define DPC_LIB_IMPORT_EMITTER_H

#include "dpc/Dialect/NN/NN.h"
#include "mlir/IR/Builders.h"

namespace dpc::import {

using Shape = llvm::ArrayRef<int64_t>;

inline mlir::RankedTensorType getTensorType(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline Shape getShape(mlir::Value value) { return getTensorType(value).getShape(); }
inline mlir::Type getElementType(mlir::Value value) {
  return getTensorType(value).getElementType();
}
inline int64_t getRank(mlir::Value value) { return getTensorType(value).getRank(); }
bool isFloat(mlir::Value value);

/// Elements of a shape, or nullopt above 2^40 (or if an extent is negative): a
/// hostile file can ask for any size.
std::optional<int64_t> countElements(Shape shape);

/// The common shape by numpy's rules; nullopt if there is none.
std::optional<llvm::SmallVector<int64_t>> broadcastShapes(Shape a, Shape b);

/// "2x3x4", or "scalar".
std::string toString(Shape shape);

/// The value if it is a constant.
mlir::DenseElementsAttr getConstant(mlir::Value value);
/// Its elements as integers, if it is a constant of integers.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value value);
/// Its element as a number, if it is a constant whose elements are all equal.
std::optional<double> getConstantNumber(mlir::Value value);

class Emitter {
public:
  Emitter(mlir::OpBuilder builder, mlir::Location loc) : builder(builder), loc(loc) {}

  void setLoc(mlir::Location newLoc) { loc = newLoc; }
  mlir::Location getLoc() const { return loc; }
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::MLIRContext *getContext() { return builder.getContext(); }

  /// One result, folded if possible.
  template <typename OpTy, typename... Args> mlir::Value make(Args &&...args) {
    return builder.createOrFold<OpTy>(loc, std::forward<Args>(args)...);
  }
  /// Operand types as they are; result type that of the first operand.
  template <typename OpTy> mlir::Value unary(mlir::Value x) { return make<OpTy>(x.getType(), x); }
  /// Both operands broadcast to their common shape (which must exist).
  template <typename OpTy> mlir::Value binary(mlir::Value a, mlir::Value b) {
    unify(a, b);
    return make<OpTy>(a.getType(), a, b);
  }
  template <typename OpTy> mlir::Value binary(mlir::Value a, double b) {
    return make<OpTy>(a.getType(), a, splat(a.getType(), b));
  }
  mlir::Value compare(nn::Predicate predicate, mlir::Value a, mlir::Value b);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  mlir::Value constant(mlir::DenseElementsAttr value);
  mlir::Value splat(mlir::Type type, double value);
  mlir::Value ints(llvm::ArrayRef<int64_t> values);
  mlir::Value iota(mlir::RankedTensorType type, int64_t axis);

  mlir::Value cast(mlir::Value x, mlir::Type elementType);
  mlir::Value reshape(mlir::Value x, Shape shape);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm);
  mlir::Value broadcast(mlir::Value x, Shape shape); ///< aligned at the end
  mlir::Value broadcast(mlir::Value x, Shape shape, llvm::ArrayRef<int64_t> dims);
  mlir::Value slice(mlir::Value x, Shape starts, Shape limits, Shape strides);
  mlir::Value slice(mlir::Value x, int64_t axis, int64_t start, int64_t limit);
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis);
  /// The dimension moved to the end, the others in order; and back.
  mlir::Value moveToEnd(mlir::Value x, int64_t axis);
  mlir::Value moveFromEnd(mlir::Value x, int64_t axis);

  /// Sum, maximum, mean over axes (ascending), with the dimensions kept as 1.
  mlir::Value reduceSum(mlir::Value x, Shape axes, bool keep);
  mlir::Value reduceMax(mlir::Value x, Shape axes, bool keep);

  /// x [..., M, K] times y [K, N] or [..., K, N], by numpy's rules.
  mlir::Value matmul(mlir::Value x, mlir::Value y);

  /// Indices counted from 0: `extent` is added where one is negative.
  mlir::Value wrapIndices(mlir::Value indices, int64_t extent);

private:
  void unify(mlir::Value &a, mlir::Value &b);

  mlir::OpBuilder builder;
  mlir::Location loc;
};

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_EMITTER_H
