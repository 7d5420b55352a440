// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A body's three functions as one: the operations of the forward, the input half
// and the weight half in one block, in this order, so that a value has one name
// wherever it is read. Differentiation builds this form and splits it; the choice
// of residuals joins the halves, decides, and splits again.
#ifndef DPC_AUTODIFF_JOINT_H
#define DPC_AUTODIFF_JOINT_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace dpc::autodiff {

enum class Part : uint8_t { Forward, Input, Weight };

struct Joint {
  struct Result {
    mlir::Value value;
    dualpipe::RoleAttr role;
  };

  /// Its arguments are the forward's and what the halves read besides kept values
  /// (output gradients, the loss scale, accumulators). Its terminator returns
  /// nothing. Detached from any module.
  mlir::OwningOpRef<mlir::func::FuncOp> function;
  /// Role of each argument.
  llvm::SmallVector<dualpipe::RoleAttr> roles;
  /// Where each operation runs.
  llvm::DenseMap<mlir::Operation *, Part> parts;
  /// Values of the body's @forward behind values of the block.
  llvm::DenseMap<mlir::Value, mlir::Value> originals;
  /// Outputs, loss and den; input gradients; parameters' gradients.
  llvm::SmallVector<Result> forwardResults, inputResults, weightResults;

  mlir::Block &getBlock() { return function->getBody().front(); }
  mlir::BlockArgument addArgument(dualpipe::RoleAttr role, mlir::Type type);
  /// The argument with this role; null if there is none.
  mlir::Value findArgument(dualpipe::RoleAttr role);
  /// The part that makes a value; arguments belong to the forward, output
  /// gradients, loss scale and accumulators to none.
  std::optional<Part> getPart(mlir::Value value);
  /// Operations of one part, in order.
  llvm::SmallVector<mlir::Operation *> getOperations(Part part);
  /// The values that the operations and results of a part read and that neither
  /// the part nor `own` makes, in order of definition.
  llvm::SmallVector<mlir::Value> getReads(Part part, llvm::ArrayRef<mlir::Operation *> own = {});
};

/// What each half computes again of earlier parts, in block order. What it then
/// still reads and earlier parts make is kept.
struct SplitPlan {
  llvm::SmallVector<mlir::Operation *> recomputedInInput, recomputedInWeight;
};

/// The body's functions in one block.
Joint join(dualpipe::BodyOp body);

/// Writes the body's input half and weight half, and the kept results of its
/// forward. A half without results and without kept values is left out. A forward
/// value that is an argument or an output is retained by that role, never kept; a
/// value that the input half reads is kept by the forward for both halves.
void split(Joint &joint, const SplitPlan &plan, dualpipe::BodyOp body);

} // namespace dpc::autodiff

#endif // DPC_AUTODIFF_JOINT_H
