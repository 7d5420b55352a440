// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The plain graph of a model's function, and what its numbers mean in IR.
#ifndef DPC_LIB_PARTITION_MODELGRAPH_H
#define DPC_LIB_PARTITION_MODELGRAPH_H

#include "Activity.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Partition/Graph.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"

namespace dpc::partition {

/// An output of the graph besides the loss; nothing is trained by it.
struct GraphOutput {
  mlir::StringAttr name;
  mlir::Value value;
};

struct ModelGraph {
  mlir::func::FuncOp function;
  /// Nodes in the function's order.
  Graph graph;
  std::vector<mlir::Operation *> ops; ///< of each node
  llvm::DenseMap<mlir::Operation *, unsigned> nodeOf;
  llvm::DenseMap<mlir::Value, Dependence> dependences;
  llvm::DenseMap<mlir::Attribute, unsigned> params; ///< numbers in the graph
  /// What only they need is no part of the graph, since it costs training nothing.
  llvm::SmallVector<GraphOutput> outputs;
  std::vector<mlir::Operation *> evaluationOps; ///< in the function's order
  mlir::Value loss, den, fault;                 // fault: null where no integer is divided
  /// The loss first, as many as there are.
  llvm::SmallVector<std::pair<dualpipe::RoleKind, mlir::Value>> getResults() const {
    llvm::SmallVector<std::pair<dualpipe::RoleKind, mlir::Value>> results = {
        {dualpipe::RoleKind::Loss, loss}, {dualpipe::RoleKind::Den, den}};
    if (fault)
      results.push_back({dualpipe::RoleKind::Fault, fault});
    return results;
  }

  bool isTransferable(mlir::Value value) const {
    return partition::isTransferable(value, dependences.lookup(value));
  }
  bool isActive(mlir::Value value) const { return dependences.lookup(value).active; }
};

/// Builds the graph of `@forward`; emits an error if the module has none, or if
/// its loss trains nothing. Operations that loss, denominator and fault do not need are
/// no nodes of it.
mlir::FailureOr<ModelGraph> buildGraph(mlir::ModuleOp module, const Machine &machine);

} // namespace dpc::partition

#endif // DPC_LIB_PARTITION_MODELGRAPH_H
