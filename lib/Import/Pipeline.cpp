// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Import/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void dpc::import::buildImportPipeline(OpPassManager &pm) {
  // First: nothing after it need think of extents of 0.
  pm.addPass(createNNDropEmpty());
  // Last of all rewriting, on the final nn form: what a product absorbs is part
  // of its meaning from here on.
  pm.addNestedPass<func::FuncOp>(createNNAbsorbTransposes());
  // Here and not later: partition would show it a part of an input's readers.
  pm.addPass(createNNBoundInputs());
  pm.addPass(createNNVerifyImported());
}

void dpc::import::registerImportPipelines() {
  registerImportPasses();
  PassPipelineRegistration<>("dpc-import-pipeline", "The import phase after the file was read",
                             buildImportPipeline);
}
