// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels phase in order.
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {

void buildKernelsPipeline(OpPassManager &pm, const KernelsEstimateCostOptions &cost) {
  // Before grouping, so that the transposes share kernels with what they stand beside.
  pm.addPass(createKernelsContiguousCollectives());
  // Before grouping, so that each half of a reduction finds its own kernel.
  pm.addPass(createKernelsSplitReductions());
  // Before grouping, so that the sum is the library's and no kernel's.
  pm.addPass(createKernelsAccumulateCalls());
  pm.addPass(createKernelsOutline());
  // On launches and calls, which are what takes time.
  pm.addPass(createKernelsEstimateCost(cost));
  pm.addPass(createDualPipeVerifyKernels());
}

void registerKernelsPhase() {
  registerKernelsContiguousCollectives();
  registerKernelsSplitReductions();
  registerKernelsAccumulateCalls();
  registerKernelsOutline();
  registerKernelsEstimateCost();
  registerDualPipeVerifyKernels();
  PassPipelineRegistration<>("dpc-kernels-pipeline",
                             "group the operations of each half into kernels and library calls",
                             [](OpPassManager &pm) { buildKernelsPipeline(pm); });
}

} // namespace dpc::kernels
