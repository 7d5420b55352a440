// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One conversion with the patterns of all dialects that device functions consist of.
// MLIR's own pass for GPUs sends square roots, fused multiply-adds and the like to NVIDIA's
// libdevice; LLVM has an instruction for each of them, so those patterns are left out.
#include "../LowerKernel.h"
#include "DeviceCode.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/GPUToNVVM/GPUToNVVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dpc::codegen {

static LogicalResult convert(gpu::GPUModuleOp module) {
  MLIRContext &context = *module.getContext();
  LowerToLLVMOptions options(&context);
  options.useBarePtrCallConv = true;
  options.overrideIndexBitwidth(64);
  LLVMTypeConverter converter(&context, options);
  configureGpuToNVVMTypeConverter(converter);
  RewritePatternSet patterns(&context);
  populateGpuToNVVMConversionPatterns(converter, patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
  index::populateIndexToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  LLVMConversionTarget target(context);
  target.addLegalDialect<NVVM::NVVMDialect>();
  target.addIllegalDialect<gpu::GPUDialect>();
  target.addLegalOp<gpu::GPUModuleOp>();
  return applyPartialConversion(module, target, std::move(patterns));
}

LogicalResult lowerToNVVM(gpu::GPUModuleOp module) {
  if (failed(checkKernelCode(module)))
    return failure();
  PassManager before(module.getContext(), gpu::GPUModuleOp::getOperationName());
  before.addPass(createCanonicalizerPass());
  before.addPass(createCSEPass());
  before.addPass(createSCFToControlFlowPass());
  PassManager after(module.getContext(), gpu::GPUModuleOp::getOperationName());
  after.addPass(createCanonicalizerPass());
  after.addPass(createCSEPass());
  after.addPass(createReconcileUnrealizedCastsPass());
  if (failed(before.run(module)) || failed(convert(module)))
    return failure();
  return after.run(module);
}

} // namespace dpc::codegen
