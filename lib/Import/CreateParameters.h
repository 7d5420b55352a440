// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One nn.parameter for each stored tensor that the finished @forward reads.
#ifndef DPC_LIB_IMPORT_CREATEPARAMETERS_H
#define DPC_LIB_IMPORT_CREATEPARAMETERS_H

#include "Forward.h"
#include "StateDict.h"

namespace dpc::import {

/// Creates them at the module's beginning and lists them in the summary. A tensor
/// from which no gradient flows is no longer trained.
mlir::LogicalResult createParameters(mlir::ModuleOp module, Forward &forward, const Graph &graph,
                                     StoredTensors &tensors, const StateDict &state,
                                     TensorReader &reader, const ImportOptions &options,
                                     mlir::Location loc, ImportSummary &summary);

/// Why nothing is trained, in the user's words; "" if something is. After the
/// summary's parameters and candidates are listed.
std::string explainNothingTrained(const ImportSummary &summary, const StoredTensors &tensors,
                                  const ImportOptions &options);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_CREATEPARAMETERS_H
