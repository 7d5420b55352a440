// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What operations with loops of their own are written with, whatever the target.
#ifndef DPC_LIB_CODEGEN_LOOPBUILDER_H
#define DPC_LIB_CODEGEN_LOOPBUILDER_H

#include "KernelEmitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace dpc::codegen {

inline int64_t product(llvm::ArrayRef<int64_t> shape) {
  return mlir::ShapedType::getNumElements(shape);
}

/// Calls `body` with the loop variable, in its own scope.
template <typename F>
mlir::LogicalResult forLoop(KernelEmitter &e, int64_t low, int64_t high, F body) {
  auto loop = mlir::scf::ForOp::create(e.b, e.constantIndex(low), e.constantIndex(high),
                                       e.constantIndex(1));
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(loop.getBody());
  return body(loop.getInductionVar());
}

/// An index tensor's element as a position, and whether it is in 0..size-1. Nulls after
/// an error.
std::pair<mlir::Value, mlir::Value> readIndex(KernelEmitter &e, mlir::Value indices,
                                              llvm::ArrayRef<Index> at, int64_t size);

/// Zero of a tensor's elements, and of what they are computed in.
mlir::Value zeroOf(KernelEmitter &e, mlir::Value tensor);
mlir::Value wideZeroOf(KernelEmitter &e, mlir::Value tensor);
/// An element in the type it is computed in, and back in that of `tensor`.
mlir::Value widen(KernelEmitter &e, mlir::Value value);
mlir::Value narrow(KernelEmitter &e, mlir::Value value, mlir::Value tensor);

/// x + y of floats or integers.
mlir::Value addElements(KernelEmitter &e, mlir::Value x, mlir::Value y);

/// Whether element x at index i is taken before y at index j by `top_k`: the larger (or
/// smaller) one, equal ones by index; NaN is larger than all numbers.
mlir::Value precedes(KernelEmitter &e, bool smallest, mlir::Value x, mlir::Value i, mlir::Value y,
                     mlir::Value j);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_LOOPBUILDER_H
