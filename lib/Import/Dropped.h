// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an exporter wrote down and did not write out. PyTorch's exporter keeps,
// beside each node, the call that it was made from: `aten.embedding(weight,
// ids, 0)`, of which a Gather keeps all but the padding row. Such a graph
// trains another model than its author's, so each of these is a warning that
// names both sides, and the flag that repairs it where there is one.
#ifndef DPC_LIB_IMPORT_DROPPED_H
#define DPC_LIB_IMPORT_DROPPED_H

#include "Parameters.h"

namespace dpc::import {

/// The warnings, one line each, in the graph's order. `loss` is the value that
/// is trained.
std::vector<std::string> findDropped(const Graph &graph, const StoredTensors &tensors,
                                     const ImportOptions &options, llvm::StringRef loss);

/// The tensor that a flag means: by the initializer's, the parameter's or the
/// framework's name. Null if none has it.
const StoredTensor *findTensor(const StoredTensors &tensors, llvm::StringRef name);

/// Applies --padding-row to the lookups of a built function. `notes` gets a
/// line for each that does nothing.
mlir::LogicalResult markPaddingRows(mlir::Block &block, const StoredTensors &tensors,
                                    const ImportOptions &options, std::vector<std::string> &notes,
                                    mlir::Location loc);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_DROPPED_H
