// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the operations' lowerings, a function per family, and what the
// families share.
#ifndef DPC_LIB_CODEGEN_LOWERINGMODELS_H
#define DPC_LIB_CODEGEN_LOWERINGMODELS_H

#include "LinalgBuilder.h"
#include "dpc/Codegen/Lowering.h"
#include "dpc/Dialect/NN/NN.h"

namespace dpc::codegen {

void attachElementwiseLowerings(mlir::MLIRContext *context);
void attachShapeLowerings(mlir::MLIRContext *context);
void attachReductionLowerings(mlir::MLIRContext *context);
void attachNormalizationLowerings(mlir::MLIRContext *context);
void attachLossLowerings(mlir::MLIRContext *context);
void attachGatherLowerings(mlir::MLIRContext *context);
void attachLoopLowerings(mlir::MLIRContext *context);
void attachMatmulLowering(mlir::MLIRContext *context);
void attachConvolutionLowerings(mlir::MLIRContext *context);

/// Base of a model whose lowering is `LogicalResult Model::lower(OpTy,
/// LinalgBuilder &, ValueRange, SmallVectorImpl<Value> &)`.
template <typename Model, typename OpTy>
struct LinalgModel : LinalgLoweringOpInterface::ExternalModel<Model, OpTy> {
  mlir::LogicalResult lowerToLinalg(mlir::Operation *op, mlir::OpBuilder &builder,
                                    mlir::ValueRange operands,
                                    llvm::SmallVectorImpl<mlir::Value> &results) const {
    LinalgBuilder b(builder, op->getLoc());
    return static_cast<const Model *>(this)->lower(mlir::cast<OpTy>(op), b, operands, results);
  }
};

/// The sum over `axes` in the compute type, rounded to the element type.
mlir::Value reduceSum(LinalgBuilder &b, mlir::Value input, llvm::ArrayRef<int64_t> axes);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_LOWERINGMODELS_H
