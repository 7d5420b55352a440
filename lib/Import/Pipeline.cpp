// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Import/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void dpc::import::buildImportPipeline(OpPassManager &pm, const ImportPipelineOptions &options) {
  // First: nothing after it need think of extents of 0.
  pm.addPass(createNNDropEmpty());
  // While operations are the nodes that the user knows.
  pm.addPass(createNNGuardDivisions());
  // On the final nn form: what a product absorbs is part of its meaning from here on.
  pm.addNestedPass<func::FuncOp>(createNNAbsorbTransposes());
  // Last of all rewriting: a cast between a transpose and a product would keep them
  // apart. Before partition, because types decide what crosses a cut.
  if (options.precision != "f32") {
    NNReducePrecisionOptions reduce;
    reduce.precision = options.precision;
    pm.addPass(createNNReducePrecision(reduce));
  }
  // Here and not later: partition would show it a part of an input's readers.
  pm.addPass(createNNBoundInputs());
  pm.addPass(createNNVerifyImported());
}

void dpc::import::registerImportPipelines() {
  registerImportPasses();
  PassPipelineRegistration<ImportPipelineOptions>(
      "dpc-import-pipeline", "The import phase after the file was read", buildImportPipeline);
}
