// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which value is the loss. Either an output of the graph, or a loss that dpc
// adds to the graph's logits (--loss-op).
#ifndef DPC_LIB_IMPORT_LOSS_H
#define DPC_LIB_IMPORT_LOSS_H

#include "Denominator.h"
#include "Emitter.h"
#include "Graph.h"

namespace dpc::import {

struct LossChoice {
  LossOp op = LossOp::None;
  std::string output; ///< the loss (op is None) or the logits
  std::string labels; ///< of op: a graph input, or one that dpc adds
  bool addsLabels = false;

  /// The values of the graph that must be computed.
  llvm::SmallVector<std::string> getRoots() const { return {output}; }
};

/// Finds the loss by the options and the names and types of the outputs. Emits
/// one diagnostic, in terms of what the user can pass, if there is none.
mlir::FailureOr<LossChoice> chooseLoss(const ModelFile &file, const Graph &graph,
                                       const ImportOptions &options, mlir::Location loc,
                                       ImportError &blame);

/// The type of the labels that go with logits of this type, for an input that
/// dpc adds.
mlir::FailureOr<mlir::RankedTensorType> getLabelsType(mlir::RankedTensorType logits,
                                                      const LossChoice &choice,
                                                      const ImportOptions &options,
                                                      mlir::Location loc);

/// Adds the loss operation of the choice.
mlir::FailureOr<mlir::Value> buildLoss(Emitter &b, mlir::Value logits, mlir::Value labels,
                                       const LossChoice &choice, const ImportOptions &options);

/// The operator's name as the command line spells it.
llvm::StringRef getLossOpName(LossOp op);

/// How micro-batches join, found by following the loss backwards through linear
/// operations (Weighting.cpp).
struct Weighting {
  llvm::StringRef name; ///< "denominator", "mean" or "sum"
  mlir::Value den;      ///< null unless "denominator"
  std::string note;     ///< why, where it is not obvious
  /// Written-out means whose denominator it is; they are to be guarded.
  llvm::SmallVector<Quotient> quotients;
};
mlir::FailureOr<Weighting> findWeighting(mlir::Value loss, LossReduction reduction,
                                         llvm::function_ref<bool(llvm::StringRef)> isTrained,
                                         mlir::Location loc);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_LOSS_H
