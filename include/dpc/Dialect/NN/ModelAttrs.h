// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attributes by which the import phase says what belongs to the model and is no
// operation of it.
#ifndef DPC_DIALECT_NN_MODELATTRS_H
#define DPC_DIALECT_NN_MODELATTRS_H

#include "program/format/Outputs.h"
#include "llvm/ADT/StringRef.h"

namespace dpc::nn {

/// On an argument of a model's @forward: the graph input's name.
inline constexpr llvm::StringLiteral kNameAttr = "nn.name";
/// On an integer argument of a model's @forward: its values are below this
/// number, because an operation reads by them.
inline constexpr llvm::StringLiteral kLimitAttr = "nn.limit";
/// On a model's @forward: for each input that has a limit and by name, the least
/// value that its integers may have (`minimum`; none if it is not known) and values
/// beyond both ends that an operation passes over (`ignored`).
inline constexpr llvm::StringLiteral kBoundsAttr = "nn.bounds";
inline constexpr llvm::StringLiteral kMinimumAttr = "minimum";
inline constexpr llvm::StringLiteral kIgnoredAttr = "ignored";
/// On a model's @forward: how losses of micro-batches are summed
/// (`dualpipe.training` says the values).
inline constexpr llvm::StringLiteral kWeightingAttr = "nn.weighting";
/// On a model's @forward (unit): its loss is a constant, and only its further outputs are
/// wanted.
inline constexpr llvm::StringLiteral kEvaluationOnlyAttr = "nn.evaluation_only";
/// On an operation: the stage that the model asks for, an integer from 0.
inline constexpr llvm::StringLiteral kPipelineStageAttr = "nn.pipeline_stage";
/// On a parameter: the axis of the mesh whose members each have values of their
/// own (`Sharding.h`).
inline constexpr llvm::StringLiteral kShardedAttr = "nn.sharded";

/// On a parameter: every name that the framework has for it (strings).
inline constexpr llvm::StringLiteral kFrameworkNamesAttr = "framework_names";
/// On a parameter: the framework's layout is the transpose of the initializer's.
inline constexpr llvm::StringLiteral kFrameworkTransposedAttr = "framework_transposed";
/// On a parameter: it holds only what was folded from the framework's tensor, by a
/// "lookup" of rows, a "slice", or a "rearrangement" that is not known.
inline constexpr llvm::StringLiteral kPartialAttr = "partial";
/// On a parameter: further initializers with its values, a list of
/// {initializer = "val_380", transposed = true}.
inline constexpr llvm::StringLiteral kCopiesAttr = "copies";
/// On a module: the model's file, as #nn.file of all its bytes.
inline constexpr llvm::StringLiteral kModelFileAttr = "dpc.model_file";
/// On a module: the divisions of integers by what data brings, a list of {node =
/// "node_div", shape = array<i64: 2, 16>} in the order of the graph. The result `fault`
/// of its @forward says which met a 0 first; what its number means, Outputs.h says.
inline constexpr llvm::StringLiteral kDivisionsAttr = "nn.divisions";
using dpcrt::kDivisionUnit;
/// On a module: the framework's state dict, a list of {key = "h.ln.weight",
/// parameter = "h.ln.weight"} for parameters of the module; of others {key,
/// buffer, used, transposed, type, source}, as far as they are known.
inline constexpr llvm::StringLiteral kStateDictAttr = "dpc.state_dict";

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_MODELATTRS_H
