// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Symbolic dimensions bound to numbers: dpc compiles for static shapes.
#ifndef DPC_LIB_IMPORT_DIMENSIONS_H
#define DPC_LIB_IMPORT_DIMENSIONS_H

#include "Graph.h"
#include "Initializers.h"

namespace dpc::import {

/// The types of the given inputs under --dim and --shape. One diagnostic names
/// all dimensions that are still open, with the flags that close them.
mlir::FailureOr<llvm::SmallVector<mlir::RankedTensorType>>
bindInputs(llvm::ArrayRef<const onnx::ValueInfoProto *> inputs, const Graph &graph,
           const ImportOptions &options, mlir::MLIRContext *context, mlir::Location loc);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_DIMENSIONS_H
