// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What stays constant on the ways to the loss, although a gradient would flow from
// it: it may have been a parameter, which nothing tells but who reads it.
#ifndef DPC_LIB_IMPORT_CONSTANTS_H
#define DPC_LIB_IMPORT_CONSTANTS_H

#include "Forward.h"

namespace dpc::import {

/// Values whose change changes the loss, infinitesimally.
llvm::DenseSet<mlir::Value> findDifferentiable(mlir::Value loss);

/// The floating constants on differentiable paths to the loss, by name.
llvm::SetVector<llvm::StringRef> findConstants(Forward &forward, const Graph &graph,
                                               const StoredTensors &tensors);

/// Lists them in the summary, and which of them could be parameters.
void listConstants(const llvm::SetVector<llvm::StringRef> &names, const Graph &graph,
                   const StoredTensors &tensors, TensorReader &reader, const ImportOptions &options,
                   ImportSummary &summary);

/// Refuses those that an exporter computed from a parameter.
mlir::LogicalResult refuseComputed(const llvm::SetVector<llvm::StringRef> &names,
                                   const StoredTensors &tensors, mlir::Location loc);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_CONSTANTS_H
