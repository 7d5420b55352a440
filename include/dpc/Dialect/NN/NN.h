// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The nn dialect: what is computed. See NNDialect.td for what belongs here and
// NN*Ops.td for the operations.
#ifndef DPC_DIALECT_NN_NN_H
#define DPC_DIALECT_NN_NN_H

#include "dpc/Dialect/NN/Convolution.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dpc/Dialect/Library/Library.h"

#include <algorithm>

namespace dpc::nn {

/// Marks an operation whose result is piecewise constant in its operands: a
/// gradient that arrives there ends, which is right and not an omission.
template <typename ConcreteType>
class InactiveOp : public mlir::OpTrait::TraitBase<ConcreteType, InactiveOp> {};

/// Marks an operation that computes each result element from the operands'
/// elements at the same position.
template <typename ConcreteType>
class ElementwiseOp : public mlir::OpTrait::TraitBase<ConcreteType, ElementwiseOp> {};

/// Marks an operation whose result elements are elements of its operands, or
/// constants: what is known of the values passes through it.
template <typename ConcreteType>
class MovesElementsOp : public mlir::OpTrait::TraitBase<ConcreteType, MovesElementsOp> {};

/// Marks an operation that communicates with the other members of a group.
template <typename ConcreteType>
class CollectiveOp : public mlir::OpTrait::TraitBase<ConcreteType, CollectiveOp> {};

/// Marks an operation that only derivatives use. It has no derivative itself.
template <typename ConcreteType>
class BackwardOnlyOp : public mlir::OpTrait::TraitBase<ConcreteType, BackwardOnlyOp> {};

/// How an operation of f32 takes part in training with 16-bit floats.
enum class Precision {
  Wide,    ///< it stays in f32
  Narrow,  ///< it reads and writes 16 bits, and computes in f32 between
  AsRead,  ///< like Narrow if all that read its results take 16 bits, else like Wide
  AsGiven, ///< it takes 16 bits if an operand has them, else like AsRead
};

/// The number of elements of a value of static tensor type.
int64_t getElementCount(mlir::Value value);

/// Bytes of all operands and results, each counted once per use.
int64_t getOperandAndResultBytes(mlir::Operation *op);

/// The size of an axis of the mesh (`nn.mesh = {ep = 2}` of the module, or of
/// that around the operation). Axes that the attribute does not name have size 1; without the
/// attribute the size is not known.
std::optional<int64_t> getMeshSize(mlir::Operation *op, llvm::StringRef axis);

/// Whether the operation runs as a library call of its own (CostOpInterface).
bool isLibraryCall(mlir::Operation *op);

/// Whether libraries multiply elements of this type. Products of f64 are generated kernels.
bool isLibraryElement(mlir::Type element);

/// Bytes of a static tensor of this type; i1 takes one byte per element.
int64_t getByteSize(mlir::Type type);

/// The tensor type of i1 with the shape of `type`.
mlir::Type getBoolType(mlir::Type type);

} // namespace dpc::nn

#include "dpc/Dialect/NN/NNDialect.h.inc"
#include "dpc/Dialect/NN/NNEnums.h.inc"

namespace dpc::nn {
/// The form of a kernel that computes operations of both forms.
inline KernelForm joinForms(KernelForm a, KernelForm b) { return std::max(a, b); }
} // namespace dpc::nn

#include "dpc/Dialect/NN/NNInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/NN/NNAttrs.h.inc"

#define GET_OP_CLASSES
#include "dpc/Dialect/NN/NNOps.h.inc"

#endif // DPC_DIALECT_NN_NN_H
