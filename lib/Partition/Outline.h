// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stages as they will be outlined: which operations a stage executes, in which
// order, and what it reads, before any IR is made.
#ifndef DPC_LIB_PARTITION_OUTLINE_H
#define DPC_LIB_PARTITION_OUTLINE_H

#include "ModelGraph.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "llvm/ADT/SetVector.h"

namespace dpc::partition {

/// Everything about one stage, in terms of the model's function. Inputs, feeds
/// and parameters stand in the order in which the stage first uses them, so that
/// equal stages have equal signatures.
struct StagePlan {
  llvm::SetVector<mlir::Operation *> nodes; ///< its own, in the function's order
  std::vector<mlir::Operation *> ops;       ///< all that it executes, in order
  llvm::SetVector<mlir::Value> inputs, feeds;
  llvm::SetVector<mlir::Attribute> params;
  llvm::DenseMap<mlir::Attribute, mlir::Type> paramTypes;
  std::vector<mlir::Value> outputs;
  std::vector<GraphOutput> graphOutputs;
  llvm::DenseSet<mlir::Value> gradients; ///< of inputs and outputs
  llvm::DenseSet<mlir::Attribute> paramGradients;
  bool hasLoss = false;
};

/// Plans all stages. `stageOf[i]` is the stage of node i of the model's graph; what only
/// further outputs need is computed in the first stage that can without asking more of
/// the stages before it than to send values on.
std::vector<StagePlan> planStages(const ModelGraph &model, const std::vector<unsigned> &stageOf,
                                  unsigned stages);

/// Builds `@forward` of a body from a plan, into a new body at the builder's
/// insertion point.
dualpipe::BodyOp buildBody(mlir::OpBuilder &builder, const ModelGraph &model, const StagePlan &plan,
                           llvm::StringRef name);

/// Whether two bodies compute the same; `activity` compares the marks of frozen
/// arguments and results too.
bool isSameBody(dualpipe::BodyOp a, dualpipe::BodyOp b, bool activity);
llvm::hash_code hashBody(dualpipe::BodyOp body);

} // namespace dpc::partition

#endif // DPC_LIB_PARTITION_OUTLINE_H
