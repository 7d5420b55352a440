// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of the end of a step, written in nn like all others: the factor that
// gradients are multiplied by, the norm's sum, and one update per shape of
// parameter. All numbers of an optimizer are read from the step record, so that a
// program never has to be compiled again for another learning rate.
#ifndef DPC_OPTIMIZER_UPDATE_H
#define DPC_OPTIMIZER_UPDATE_H

#include "program/format/Optimizers.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace dpc::optimizer {

/// What all ranks agree on at a step's end, apart from mirrors.
inline constexpr int64_t kStatistics = 4;

/// (statistics: tensor<(4 + mirrors) x f32>, header: tensor<16xf32> in place) -> header.
/// Statistics are {sum of den, sum of squared gradients, non-finite flag, 0} over
/// all ranks and then what has been found of mirrors (MirrorHash.h), where any is not 0 if some
/// differ; header is the step record's. Writes its fields factor (1 over the sum
/// of den unless `weighting` is "sum", unscaled and clipped), skip (asked for, halted, not
/// finite, or no weight at all), halted (its reason), den, norm (before clipping) and non-finite;
/// what it reads of the step before has been copied to the fields for that.
mlir::func::FuncOp buildFinalize(mlir::ModuleOp module, llvm::StringRef weighting, int64_t mirrors);

/// (parameter in place, gradient sum, moments in place..., header: tensor<16xf32>,
/// entry: tensor<16xf32>) -> parameter, moments...; PyTorch's update of that
/// optimizer with the numbers of `entry`, or nothing where the header says skip. All
/// are of `type`. If `computed` is another element type than that, the parameter's
/// master is updated, and one more result is its rounded copy.
mlir::func::FuncOp buildUpdate(mlir::ModuleOp module, const dpcrt::Optimizer &optimizer,
                               mlir::RankedTensorType type, mlir::Type computed);

/// A norm's sum of squares goes over blocks of this many consecutive elements of a
/// gradient, the last block of what is left. The sum of a block depends on nothing
/// but its elements and how many they are, so that the blocks may be dealt to
/// threads, and a part of a gradient that begins and ends where blocks do has
/// exactly the sums that the whole has for them.
inline constexpr int64_t kSquareBlock = dpcrt::kSquareBlock;

/// (values: tensor<blocks x length>) -> tensor<blocks>: each block's sum of squares
/// / counters. `counters` is how many ranks run this on the same gradient: expert
/// ranks share a program, so none of them can leave it to another.
mlir::func::FuncOp buildBlockSquares(mlir::ModuleOp module, int64_t blocks, int64_t length,
                                     mlir::Type element, int64_t counters);

/// (values: tensor<count x f32> in place): each becomes the sum of all up to itself; the last
/// one is the total. In which order they are added follows from `count` and the kind of
/// device alone, so that all ranks and schedules have the same bits: one at a time on
/// processors, 32 in a tree before the next 32 on GPUs.
mlir::func::FuncOp buildRunningSum(mlir::ModuleOp module, int64_t count);

} // namespace dpc::optimizer

#endif // DPC_OPTIMIZER_UPDATE_H
