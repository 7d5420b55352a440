// Attributes by which the import phase says what belongs to the model and is no
// operation of it.
#ifndef DPC_DIALECT_NN_MODELATTRS_H
#define DPC_DIALECT_NN_MODELATTRS_H

#include "llvm/ADT/StringRef.h"

namespace dpc::nn {

/// On an argument of a model's @forward: the graph input's name.
inline constexpr llvm::StringLiteral kNameAttr = "nn.name";
/// On an integer argument of a model's @forward: its values are below this
/// number, because an operation reads by them.
inline constexpr llvm::StringLiteral kLimitAttr = "nn.limit";
/// On a model's @forward: how losses of micro-batches are summed
/// (`dualpipe.training` says the values).
inline constexpr llvm::StringLiteral kWeightingAttr = "nn.weighting";
/// On an operation: the stage that the model asks for, an integer from 0.
inline constexpr llvm::StringLiteral kPipelineStageAttr = "nn.pipeline_stage";
/// On a parameter: the axis of the mesh whose members each have values of their
/// own (`Sharding.h`).
inline constexpr llvm::StringLiteral kShardedAttr = "nn.sharded";

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_MODELATTRS_H
