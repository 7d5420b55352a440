// Each dialect and each phase adds one line here.
#include "dpc/Driver/Registry.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/NN.h"
#include "dpc/Reference/Reference.h"
#include "dpc/Partition/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

void dpc::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect>();
  registry.insert<nn::NNDialect>();
  reference::registerReferenceModels(registry);
  registry.insert<dualpipe::DualPipeDialect>();
}

void dpc::registerAllPasses() {
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerStripDebugInfoPass();
  mlir::registerSymbolDCEPass();
  partition::registerPartition();
}
