// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes that close the import phase.
#ifndef DPC_IMPORT_PASSES_H
#define DPC_IMPORT_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace dpc::import {

#define GEN_PASS_DECL
#include "dpc/Import/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "dpc/Import/Passes.h.inc"

struct ImportPipelineOptions : mlir::PassPipelineOptions<ImportPipelineOptions> {
  Option<std::string> precision{
      *this, "precision",
      llvm::cl::desc("f32 (as the graph says), or bf16: mixed precision, trained in f32"),
      llvm::cl::init("f32")};
};

/// What follows importModel: rewriting on nn, then the closing check.
void buildImportPipeline(mlir::OpPassManager &pm, const ImportPipelineOptions &options);

/// `--dpc-import-pipeline` and the passes one by one.
void registerImportPipelines();

} // namespace dpc::import

#endif // DPC_IMPORT_PASSES_H
