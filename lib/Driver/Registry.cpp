// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each dialect and each phase adds one line here.
#include "dpc/Driver/Registry.h"
#include "dpc/Artifact/Passes.h"
#include "dpc/Autodiff/Passes.h"
#include "dpc/Codegen/CPU/Passes.h"
#include "dpc/Codegen/Codegen.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/Library/Library.h"
#include "dpc/Dialect/NN/NN.h"
#include "dpc/Dialect/Prog/Prog.h"
#include "dpc/Import/Passes.h"
#include "dpc/Kernels/Passes.h"
#include "dpc/Lowering/Passes.h"
#include "dpc/Partition/Passes.h"
#include "dpc/Reference/Reference.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void dpc::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect>();
  registry.insert<library::LibraryDialect>();
  registry.insert<nn::NNDialect>();
  reference::registerReferenceModels(registry);
  registry.insert<dualpipe::DualPipeDialect>();
  registry.insert<prog::ProgDialect>();
  codegen::registerLoweringModels(registry);
  codegen::registerCodegenDialects(registry);
}

void dpc::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerStripDebugInfoPass();
  mlir::registerSymbolDCEPass();
  import::registerImportPipelines();
  partition::registerPartition();
  autodiff::registerAutodiffPhase();
  kernels::registerKernelsPhase();
  lowering::registerLoweringPasses();
  codegen::registerCodegenPasses();
  artifact::registerArtifactPasses();
}
