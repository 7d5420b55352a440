// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluates tensors of a lowered kernel element by element, several lanes at a
// time. No intermediate tensor exists: a value is computed where it is read, from
// the loads it depends on, and remembered within the loop it was computed in.
// Which loops there are is decided elsewhere (EmitRows, EmitColumns, LoopLowering).
#ifndef DPC_LIB_CODEGEN_KERNELEMITTER_H
#define DPC_LIB_CODEGEN_KERNELEMITTER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <map>

namespace dpc::codegen {

/// The position along one dimension of every lane: `base + stride * lane`, or, if
/// `vector` is set, any positions (a vector of index).
struct Index {
  mlir::Value base;
  int64_t stride = 0;
  mlir::Value vector;

  bool isUniform() const { return !vector && stride == 0; }
  bool operator<(const Index &o) const { return key() < o.key(); }
  bool operator==(const Index &o) const { return key() == o.key(); }

private:
  std::tuple<void *, int64_t, void *> key() const {
    return {base.getAsOpaquePointer(), stride, vector.getAsOpaquePointer()};
  }
};

/// How many elements are computed at once. Lanes where `mask` (a vector of i1, null
/// if all count) is false are computed, but neither loaded nor stored.
struct Lanes {
  int64_t count = 1;
  mlir::Value mask;
};

/// A position in a tensor: an index per dimension, or a single row-major one.
struct Position {
  llvm::SmallVector<Index> dims;
  bool flat = false;
};

class KernelEmitter {
public:
  /// `lowered` is the kernel in linalg on tensors. Its code goes to the builder's
  /// insertion point, whose function's leading arguments are `buffers`: one flat
  /// memref per kernel argument.
  KernelEmitter(mlir::func::FuncOp lowered, mlir::OpBuilder &builder, mlir::ValueRange buffers,
                int64_t vectorLanes);

  mlir::ImplicitLocOpBuilder b;
  /// Lanes of f32 in a vector register.
  const int64_t vectorLanes;

  /// The value of an element per lane: a scalar where all lanes' positions are
  /// equal, else a vector. Null after an error.
  mlir::Value evaluate(mlir::Value tensor, const Position &at, const Lanes &lanes);
  /// Evaluates at one position of full rank.
  mlir::Value evaluate(mlir::Value tensor, llvm::ArrayRef<Index> at, const Lanes &lanes) {
    return evaluate(tensor, Position{llvm::SmallVector<Index>(at), false}, lanes);
  }

  /// Makes `value` known as the element of `tensor` at this position, in the
  /// current scope.
  void remember(mlir::Value tensor, const Position &at, const Lanes &lanes, mlir::Value value);
  /// From now on the elements of `tensor` in the current row are read from
  /// `buffer`, at `offset` + last index. `offset` is valid in the current row.
  void setMaterialized(mlir::Value tensor, mlir::Value buffer, mlir::Value offset) {
    materialized[tensor] = {buffer, offset};
  }
  void clearMaterialized() { materialized.clear(); }

  /// Where an operation with loops of its own writes a result.
  void setOutput(mlir::Value result, mlir::Value buffer) { outputs[result] = buffer; }
  mlir::Value getOutput(mlir::Value result) { return outputs.lookup(result); }

  /// Values computed inside a scope are forgotten at its end; scopes are regions.
  struct Scope {
    KernelEmitter &emitter;
    mlir::OpBuilder::InsertionGuard guard;
    explicit Scope(KernelEmitter &e) : emitter(e), guard(e.b) { e.memo.emplace_back(); }
    ~Scope() { emitter.memo.pop_back(); }
  };

  /// The number of the row being computed; `rowIndices` splits it over the leading
  /// dimensions of a tensor, with the same values for the same shape.
  void setRow(mlir::Value row);
  llvm::ArrayRef<Index> rowIndices(llvm::ArrayRef<int64_t> shape);

  /// Loads and stores of a flat buffer at a row-major position.
  mlir::Value load(mlir::Value buffer, mlir::Type element, const Index &at, const Lanes &lanes);
  void store(mlir::Value buffer, const Index &at, mlir::Value value, const Lanes &lanes);

  /// Small index arithmetic, folded.
  mlir::Value constantIndex(int64_t value);
  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value add(mlir::Value x, mlir::Value y);
  mlir::Value add(mlir::Value x, int64_t y) { return add(x, constantIndex(y)); }
  mlir::Value mul(mlir::Value x, int64_t y);
  Index add(const Index &x, const Index &y, int64_t lanes);
  Index mul(const Index &x, int64_t y, int64_t lanes);
  /// The row-major position of a position of full rank.
  Index linearize(llvm::ArrayRef<Index> at, llvm::ArrayRef<int64_t> shape, int64_t lanes);
  llvm::SmallVector<Index> delinearize(const Index &at, llvm::ArrayRef<int64_t> shape,
                                       int64_t lanes);

  /// One value per lane.
  mlir::Value broadcast(mlir::Value value, int64_t lanes);
  /// The positions as a vector.
  mlir::Value materialize(const Index &index, int64_t lanes);
  /// A mask of the first `active` of `lanes` lanes.
  mlir::Value constantMask(int64_t active, int64_t lanes);

  /// Combines two values as the reduction's body does.
  mlir::Value combine(mlir::linalg::GenericOp reduction, mlir::Value acc, mlir::Value value);
  /// The reduction's start value, one per lane.
  mlir::Value identity(mlir::linalg::GenericOp reduction, int64_t lanes);

private:
  struct BodyValue {
    mlir::Value value;
    std::optional<Index> index;
  };
  mlir::Value evaluateGeneric(mlir::linalg::GenericOp op, const Position &at, const Lanes &lanes);
  mlir::Value evaluateReshape(mlir::Value source, mlir::Value result, const Position &at,
                              const Lanes &lanes);
  BodyValue evaluateBody(mlir::linalg::GenericOp op, mlir::Value value, const Position &at,
                         const Lanes &lanes, llvm::DenseMap<mlir::Value, BodyValue> &known);
  std::optional<Index> evaluateIndexOp(mlir::Operation *op, llvm::ArrayRef<BodyValue> operands,
                                       int64_t lanes);
  Index applyExpr(mlir::AffineExpr expr, llvm::ArrayRef<Index> dims, int64_t lanes);
  Position applyMap(mlir::AffineMap map, const Position &at, mlir::RankedTensorType operand,
                    int64_t lanes);
  bool isInRow(llvm::ArrayRef<Index> at, llvm::ArrayRef<int64_t> shape);

  using Key = std::tuple<void *, bool, llvm::SmallVector<Index>, int64_t, void *>;
  static Key makeKey(mlir::Value tensor, const Position &at, const Lanes &lanes);

  mlir::func::FuncOp lowered;
  mlir::Block *entry;
  llvm::SmallVector<mlir::Value> buffers;
  std::vector<std::map<Key, mlir::Value>> memo;
  struct Materialized {
    mlir::Value buffer, offset;
  };
  llvm::DenseMap<mlir::Value, Materialized> materialized;
  llvm::DenseMap<mlir::Value, mlir::Value> outputs;
  mlir::Value row;
  std::map<std::vector<int64_t>, llvm::SmallVector<Index>> rowSplits;
  // A shape, and a position of that shape, without dimensions of extent 1.
  static llvm::SmallVector<int64_t> dropUnits(llvm::ArrayRef<int64_t> shape);
  static llvm::SmallVector<Index> dropUnits(llvm::ArrayRef<Index> at,
                                            llvm::ArrayRef<int64_t> shape);
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
};

/// The element type of a buffer: i1 takes a byte.
mlir::Type bufferElementType(mlir::Type element);
/// Whether a generic reduces.
bool isReduction(mlir::linalg::GenericOp op);
/// Tensors that evaluating `value` reads: operands, and sources of extractions in
/// a generic's body.
llvm::SmallVector<mlir::Value> getSources(mlir::Operation *op);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_KERNELEMITTER_H
