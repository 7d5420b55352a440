// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loops to the LLVM dialect, and the entry point of each kernel.
#include "../LowerKernel.h"
#include "MachineCode.h"

#include "program/format/Program.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVMPass.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dpc::codegen {

// void k(ptr buffers, i64 begin, i64 end): loads the buffers and calls the loops,
// which LLVM then inlines.
static void addEntryPoint(LLVM::LLVMFuncOp loops) {
  MLIRContext *context = loops.getContext();
  OpBuilder builder(context);
  builder.setInsertionPointAfter(loops);
  Location loc = loops.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = builder.getI64Type();
  StringRef name = loops.getName();
  name.consume_back("__loops");
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, i64, i64});
  auto entry = LLVM::LLVMFuncOp::create(builder, loc, name, type);
  Block *block = entry.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  SmallVector<Value> operands;
  for (unsigned i = 0; i + 2 < loops.getNumArguments(); ++i) {
    Value slot = LLVM::GEPOp::create(builder, loc, pointer, pointer, block->getArgument(0),
                                     ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    operands.push_back(LLVM::LoadOp::create(builder, loc, pointer, slot));
  }
  operands.push_back(block->getArgument(1));
  operands.push_back(block->getArgument(2));
  LLVM::CallOp::create(builder, loc, loops, operands);
  LLVM::ReturnOp::create(builder, loc, ValueRange{});
  loops.setLinkage(LLVM::Linkage::Internal);
}

// What the program format promises of a buffer of this type.
static int64_t alignmentOf(MemRefType type) {
  int64_t elementBytes = (type.getElementTypeBitWidth() + 7) / 8;
  return dpcrt::alignmentOf(type.getNumElements() * elementBytes);
}

LogicalResult lowerToLLVM(ModuleOp module) {
  if (failed(checkKernelCode(module)))
    return failure();
  for (auto function : module.getOps<func::FuncOp>()) {
    OpBuilder builder(function.getContext());
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      auto memref = dyn_cast<MemRefType>(type);
      if (!memref)
        continue;
      function.setArgAttr(i, "llvm.noalias", builder.getUnitAttr());
      function.setArgAttr(i, "llvm.nonnull", builder.getUnitAttr());
      function.setArgAttr(i, "llvm.align", builder.getI64IntegerAttr(alignmentOf(memref)));
    }
  }
  PassManager passes(module.getContext());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(createConvertVectorToLLVMPass());
  passes.addPass(createConvertMathToLLVMPass());
  passes.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions bare;
  bare.useBarePtrCallConv = true;
  passes.addPass(createConvertFuncToLLVMPass(bare));
  passes.addPass(createArithToLLVMConversionPass());
  passes.addPass(createConvertIndexToLLVMPass());
  passes.addPass(createConvertControlFlowToLLVMPass());
  passes.addPass(createUBToLLVMConversionPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  if (failed(passes.run(module)))
    return failure();
  for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>()))
    if (function.getName().ends_with("__loops"))
      addEntryPoint(function);
  return success();
}

} // namespace dpc::codegen
