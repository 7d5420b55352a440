// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dualpipe dialect: where and when. See DualPipeDialect.td for the idea and
// DualPipeOps.td for bodies, stages and the schedule.
#ifndef DPC_DIALECT_DUALPIPE_DUALPIPE_H
#define DPC_DIALECT_DUALPIPE_DUALPIPE_H

#include "dpc/Dialect/NN/NN.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "dpc/Dialect/DualPipe/DualPipeDialect.h.inc"
#include "dpc/Dialect/DualPipe/DualPipeEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/DualPipe/DualPipeAttrs.h.inc"

#define GET_OP_CLASSES
#include "dpc/Dialect/DualPipe/DualPipeOps.h.inc"

namespace dpc::dualpipe {

/// Attribute names on arguments and results of a body's functions, on kernels,
/// and on kernels' arguments.
inline constexpr llvm::StringLiteral kRoleAttr = "dualpipe.role";
/// On a float argument or an output of a body's @forward: no gradient is made or
/// sent for it.
inline constexpr llvm::StringLiteral kFrozenAttr = "dualpipe.frozen";
inline constexpr llvm::StringLiteral kKernelAttr = "dualpipe.kernel";
inline constexpr llvm::StringLiteral kInplaceAttr = "dualpipe.inplace";

/// Names of a body's functions.
inline constexpr llvm::StringLiteral kForward = "forward";
inline constexpr llvm::StringLiteral kInputHalf = "input_half";
inline constexpr llvm::StringLiteral kWeightHalf = "weight_half";
inline constexpr llvm::StringLiteral kEvaluation = "evaluation";

/// The role of an argument or result; null if it has none.
RoleAttr getArgRole(mlir::func::FuncOp function, unsigned argument);
RoleAttr getResultRole(mlir::func::FuncOp function, unsigned result);
void setArgRole(mlir::func::FuncOp function, unsigned argument, RoleKind kind, unsigned index);
void setResultRole(mlir::func::FuncOp function, unsigned result, RoleKind kind, unsigned index);
/// The argument (result) with this role, or -1.
int findArg(mlir::func::FuncOp function, RoleKind kind, unsigned index);
int findResult(mlir::func::FuncOp function, RoleKind kind, unsigned index);

} // namespace dpc::dualpipe

#endif // DPC_DIALECT_DUALPIPE_DUALPIPE_H
