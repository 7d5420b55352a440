// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How semantics are attached: an operation that works within a member is a
// function of its operands, wrapped into an external model that calls it for
// each member.
#ifndef DPC_LIB_REFERENCE_MODELS_H
#define DPC_LIB_REFERENCE_MODELS_H

#include "dpc/Reference/Reference.h"

namespace dpc::reference {

using Operands = llvm::ArrayRef<TensorPtr>;
using Results = llvm::MutableArrayRef<Tensor>;

template <typename Op>
using LocalFunction = llvm::LogicalResult (*)(Op op, Operands in, Results out);

template <typename Op, LocalFunction<Op> function>
struct LocalModel : ReferenceOpInterface::ExternalModel<LocalModel<Op, function>, Op> {
  llvm::LogicalResult evaluate(mlir::Operation *op, Evaluator &,
                               llvm::MutableArrayRef<MemberValues> members) const {
    for (MemberValues &member : members)
      if (failed(function(llvm::cast<Op>(op), member.operands, member.results)))
        return llvm::failure();
    return llvm::success();
  }
};

template <typename Op, LocalFunction<Op> function> void attachLocal(mlir::MLIRContext *context) {
  Op::template attachInterface<LocalModel<Op, function>>(*context);
}

// By family, one file each.
void attachCollective(mlir::MLIRContext *context);
void attachConvolution(mlir::MLIRContext *context);
void attachElementwise(mlir::MLIRContext *context);
void attachIndexing(mlir::MLIRContext *context);
void attachLoss(mlir::MLIRContext *context);
void attachMatmul(mlir::MLIRContext *context);
void attachModel(mlir::MLIRContext *context);
void attachNormalization(mlir::MLIRContext *context);
void attachReduction(mlir::MLIRContext *context);
void attachShape(mlir::MLIRContext *context);
void attachCalls(mlir::MLIRContext *context);

} // namespace dpc::reference

#endif // DPC_LIB_REFERENCE_MODELS_H
