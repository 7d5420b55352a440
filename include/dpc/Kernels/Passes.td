#ifndef DPC_KERNELS_PASSES_TD
#define DPC_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def KernelsContiguousCollectives : Pass<"kernels-contiguous-collectives", "::mlir::ModuleOp"> {
  let summary = "let collectives move contiguous parts";
  let description = [{
    What: a collective along another dimension than 0 becomes one along dimension 0
    between transposes, or between reshapes where these do.
    Before: `nn.all_to_all %x over "ep" split 1 concat 0 : tensor<4x6xf32> to tensor<8x3xf32>`.
    After: a reshape to 4x2x3, a transpose to 2x4x3, `nn.all_to_all` with split 0
    concat 0, a reshape to 8x3.
    Requires: bodies with nn operations. Ensures: the parts that members exchange
    are contiguous in memory, as a transport moves them.
  }];
  let statistics = [Statistic<"rewritten", "rewritten", "collectives along another dimension">];
}
def KernelsSplitReductions : Pass<"kernels-split-reductions", "::mlir::ModuleOp"> {
  let summary = "write a reduction over trailing and other dimensions as two";
  let description = [{
    What: a reduction over dimensions that include the last and others before a
    kept one becomes one over the trailing dimensions and one over the rest.
    Before: `nn.reduce_sum %x [0, 2]`. After: `[2]`, then `[0]`.
    Requires: bodies with nn operations. Ensures: every reduction in a body goes
    over rows or over columns.
  }];
}
def KernelsAccumulateMatmuls : Pass<"kernels-accumulate-matmuls", "::mlir::ModuleOp"> {
  let summary = "let a matmul add to the gradient accumulator it is summed into";
  let description = [{
    What: `nn.add(accumulator, nn.matmul)`, where neither has another use, becomes
    `nn.matmul ... into accumulator`. The sum is the same: product, then addition.
    Requires: weight halves with roles. Ensures: the library call writes in place.
  }];
  let statistics = [Statistic<"accumulated", "accumulated", "matmuls that add in place">];
}
def KernelsOutline : Pass<"kernels-outline", "::mlir::ModuleOp"> {
  let summary = "group the operations of each half into kernels";
  let description = [{
    What: all operations of a body's functions but library calls, views,
    collectives and large constants are grouped (docs/Kernels.md says how), each
    group becomes a function `@k_<hash of its content>` at the module's top level,
    and a `dualpipe.launch` stands in its place. Equal kernels are one function.
    Requires: reductions are split. Ensures: every operation of a half is a launch,
    a library call, a view, a collective or a large constant.
  }];
  let dependentDialects = ["::dpc::dualpipe::DualPipeDialect"];
  let statistics = [Statistic<"launches", "launches", "launches in all bodies">, Statistic<"kernels", "kernels", "distinct kernels">];
}
def KernelsEstimateCost : Pass<"kernels-estimate-cost", "::mlir::ModuleOp"> {
  let summary = "write each stage's cost, from rates of the machine";
  let description = [{
    What: sets `cost` on every `dualpipe.stage` from flops and bytes of its body's
    launches, library calls and collectives.
    Requires: outlined kernels. Ensures: every stage has a cost.
  }];
  let options = [Option<"machine", "machine", "std::string", "\"\"", "machine description (JSON); empty is the default one">];
}
def DualPipeVerifyKernels : Pass<"dualpipe-verify-kernels", "::mlir::ModuleOp"> {
  let summary = "prove that the kernels phase is over";
  let description = [{
    What: fails unless every operation of a half is a launch, a library call, a
    view, a collective along dimension 0, a large constant or the return, every
    kernel holds nn operations only and is named by its content, and every stage has
    a cost.
    Changes nothing.
  }];
}

#endif
