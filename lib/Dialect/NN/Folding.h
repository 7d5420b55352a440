// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Folding of constants. Two rules: a fold may not change a bit of what the
// kernels would compute, so only exactly rounded arithmetic and moves fold; and
// constants stay small, because attributes are never freed.
#ifndef DPC_LIB_DIALECT_NN_FOLDING_H
#define DPC_LIB_DIALECT_NN_FOLDING_H

#include "dpc/Dialect/NN/Builders.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace dpc::nn {

/// Results of this many bytes or fewer are folded; splats always are.
constexpr int64_t kFoldLimitBytes = 64 * 1024;

bool isFoldable(mlir::ShapedType resultType, bool splat);

/// Element functions give nullopt where the result is not defined (integer
/// division by zero): then nothing is folded.
using FloatUnary = llvm::function_ref<std::optional<llvm::APFloat>(const llvm::APFloat &)>;
using IntUnary = llvm::function_ref<std::optional<llvm::APInt>(const llvm::APInt &)>;
using FloatBinary =
    llvm::function_ref<std::optional<llvm::APFloat>(const llvm::APFloat &, const llvm::APFloat &)>;
using IntBinary =
    llvm::function_ref<std::optional<llvm::APInt>(const llvm::APInt &, const llvm::APInt &)>;

/// f applied to every element; null if the operand is no dense constant.
mlir::Attribute foldFloats(mlir::Attribute operand, FloatUnary f);
mlir::Attribute foldInts(mlir::Attribute operand, IntUnary f);
mlir::Attribute foldFloats(mlir::Attribute lhs, mlir::Attribute rhs, FloatBinary f);
mlir::Attribute foldInts(mlir::Attribute lhs, mlir::Attribute rhs, IntBinary f);

/// The general form: element i of the result is f(elements i of the operands).
mlir::Attribute
foldElements(llvm::ArrayRef<mlir::Attribute> operands, mlir::ShapedType resultType,
             llvm::function_ref<mlir::Attribute(llvm::ArrayRef<mlir::Attribute>)> f);

/// A constant whose element i is element source(i) of the operand, or
/// `outside` where source gives -1.
mlir::Attribute foldMove(mlir::Attribute operand, mlir::ShapedType resultType,
                         llvm::function_ref<int64_t(int64_t)> source, mlir::Attribute outside = {});

/// Whether the attribute is a splat of exactly this value (-0.0 is not 0.0).
bool isSplatOf(mlir::Attribute attribute, double value);

/// The integers of a dense constant; nullopt if it is none, or has more elements
/// than a result that folds (a splat of any number of them is a few bytes).
std::optional<llvm::SmallVector<int64_t>> getInts(mlir::Attribute attribute);

/// Row-major coordinates: the place of a linear index and back.
void delinearize(int64_t index, llvm::ArrayRef<int64_t> shape,
                 llvm::SmallVectorImpl<int64_t> &place);
int64_t linearize(llvm::ArrayRef<int64_t> place, llvm::ArrayRef<int64_t> shape);

} // namespace dpc::nn

#endif // DPC_LIB_DIALECT_NN_FOLDING_H
