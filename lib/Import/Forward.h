// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The nodes of the graph as operations of @forward, from its inputs to the loss.
#ifndef DPC_LIB_IMPORT_FORWARD_H
#define DPC_LIB_IMPORT_FORWARD_H

#include "FurtherOutputs.h"
#include "NodeContext.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SetVector.h"

namespace dpc::import {

struct Forward {
  mlir::func::FuncOp function;                              ///< without its results
  mlir::Value loss;                                         ///< a floating scalar
  std::vector<std::pair<std::string, mlir::Value>> outputs; ///< further ones, scalars
  std::optional<Emitter> emitter;                           ///< at the function's end
  llvm::StringMap<GraphValue> values;
  /// Names of the floating constants that a constant value was folded from.
  llvm::StringMap<llvm::SetVector<llvm::StringRef>> origins;
};

/// Appends `@forward` to the module. On failure diagnostics were emitted: those of
/// single nodes for as many as have an error, up to a limit.
mlir::FailureOr<Forward> buildForward(mlir::ModuleOp module, const Graph &graph,
                                      const LossChoice &choice, const FurtherOutputs &further,
                                      StoredTensors &tensors, TensorReader &reader,
                                      const ImportOptions &options, mlir::Location loc,
                                      ImportSummary &summary);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_FORWARD_H
