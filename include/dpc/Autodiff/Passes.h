// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of the autodiff phase and their one order.
#ifndef DPC_AUTODIFF_PASSES_H
#define DPC_AUTODIFF_PASSES_H

#include "dpc/Autodiff/Autodiff.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassOptions.h"

namespace dpc::autodiff {

#define GEN_PASS_DECL
#include "dpc/Autodiff/Passes.h.inc"

struct AutodiffPipelineOptions : mlir::PassPipelineOptions<AutodiffPipelineOptions> {
  Option<std::string> recompute{*this, "recompute", llvm::cl::desc("none, budget or full"),
                                llvm::cl::init("budget")};
  Option<double> budget{
      *this, "recompute-budget",
      llvm::cl::desc("flops one half may compute again, as a fraction of the forward's"),
      llvm::cl::init(0.1)};
};

/// partition's output -> bodies with halves.
void buildAutodiffPipeline(mlir::OpPassManager &manager, const AutodiffPipelineOptions &options);

/// Registers the passes and `dpc-autodiff-pipeline`.
void registerAutodiffPhase();

} // namespace dpc::autodiff

#endif // DPC_AUTODIFF_PASSES_H
