// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a model's @forward returns, and which of its operations training needs. The
// results are the loss, its denominator and, where the module has `nn.divisions`, the
// fault; then further outputs of the graph, named by `nn.name`, which evaluation alone
// computes. Nothing that is decided about training may depend on them.
#ifndef DPC_DIALECT_NN_GRAPHOUTPUTS_H
#define DPC_DIALECT_NN_GRAPHOUTPUTS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseSet.h"

namespace dpc::nn {

/// How many of a model's results training wants; the further outputs, which have names,
/// stand behind them.
unsigned countTrainingResults(mlir::Block &forward);

/// The operations that results need, of those from `first` up to before `end`.
llvm::DenseSet<mlir::Operation *> findNeeded(mlir::Block &forward, unsigned first, unsigned end);

/// The operations that only further outputs need.
llvm::DenseSet<mlir::Operation *> findEvaluationOnly(mlir::Block &forward);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_GRAPHOUTPUTS_H
