// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Row losses and how they are reduced: shared by ONNX's loss operators and by
// the losses that dpc adds itself (--loss-op).
#ifndef DPC_LIB_IMPORT_LOSSBUILDER_H
#define DPC_LIB_IMPORT_LOSSBUILDER_H

#include "Emitter.h"

namespace dpc::import {

struct RowLoss {
  mlir::Value values; ///< [N], one loss per row
  mlir::Value labels; ///< [N]
  std::optional<int64_t> ignoreIndex;
  mlir::Value classWeights; ///< [C], or null
  llvm::SmallVector<int64_t> rowShape;
};

/// Sets `values` to -log softmax(logits)[label] of the rows [N, C].
void crossEntropy(Emitter &b, RowLoss &loss, mlir::Value logits);

/// [N]: the class weight of each row's label, 0 where the label is ignored, else 1.
mlir::Value getRowWeights(Emitter &b, const RowLoss &loss);

/// sum(values * weights) / sum(weights): a scalar.
mlir::Value weightedMean(Emitter &b, const RowLoss &loss);

/// values * weights.
mlir::Value weightRows(Emitter &b, const RowLoss &loss);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_LOSSBUILDER_H
