// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interfaces of Lowering.h, who implements them, and what their code consists of.
#include "dpc/Codegen/Lowering.h"

#include "LoweringModels.h"
#include "dpc/Codegen/Codegen.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

#include "dpc/Codegen/CodegenInterfaces.cpp.inc"

namespace dpc::codegen {

void registerLoweringModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachElementwiseLowerings(context);
    attachShapeLowerings(context);
    attachReductionLowerings(context);
    attachNormalizationLowerings(context);
    attachLossLowerings(context);
    attachGatherLowerings(context);
    attachLoopLowerings(context);
    attachMatmulLowering(context);
    attachConvolutionLowerings(context);
  });
}

void registerCodegenDialects(DialectRegistry &registry) {
  registry
      .insert<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, linalg::LinalgDialect,
              LLVM::LLVMDialect, math::MathDialect, memref::MemRefDialect, scf::SCFDialect,
              tensor::TensorDialect, vector::VectorDialect>();
}

} // namespace dpc::codegen
