#ifndef DPC_AUTODIFF_PASSES_TD
#define DPC_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def DualPipeDifferentiate : Pass<"dualpipe-differentiate", "::mlir::ModuleOp"> {
  let summary = "give each body its input half and weight half";
  let description = [{
    Reverse mode over the forward of each body, along active paths only, then a
    split: the weight half is the gradients of values that depend on parameters and
    constants only, and the operations that serve only these; the input half is the
    gradients of activations. Every value a half reads is kept.

    ```mlir
    // before
    func.func @forward(%x {role input 0}, %w {role param 0}) -> ({role output 0}) {
      %y = nn.matmul %x, %w ...
    // after
    func.func @input_half(%dy {role output_grad 0}, %w {role param 0}) -> ({role input_grad 0})
    func.func @weight_half(%dy {role output_grad 0}, %x {role input 0}) -> ({role param_grad 0})
    ```

    Requires: bodies have only @forward. Ensures: `kept` values have slots;
    operations of derivatives are at `loc("grad of"(...))`.
  }];
  let dependentDialects = ["::dpc::nn::NNDialect"];
  let statistics = [
    Statistic<"numInputOps", "input-half-ops", "operations in input halves">,
    Statistic<"numWeightOps", "weight-half-ops", "operations in weight halves">
  ];
}

def DualPipeChooseResiduals : Pass<"dualpipe-choose-residuals", "::mlir::ModuleOp"> {
  let summary = "choose what halves keep and what they compute again";
  let description = [{
    For each half the smallest number of bytes, weighted by how long they are kept,
    such that all that the half reads is either kept or computed again within a
    budget of flops: a minimum cut. Views, constants and values of parameters alone
    are never kept. A value computed again has the same bits as the first time.

    Requires: bodies have halves. Ensures: the same results, bit for bit.
  }];
  let options = [
    Option<"recompute", "recompute", "std::string", "\"budget\"",
           "`none` (only what costs nothing), `budget` (elementwise work too), `full` (all but communication)">,
    Option<"budget", "recompute-budget", "double", "0.1",
           "flops one half may compute again, as a fraction of the forward's">,
    Option<"report", "report", "bool", "false", "emit a remark per body">
  ];
  let statistics = [
    Statistic<"forwardToInput", "forward-to-input-bytes", "bytes kept from forwards for input halves only">,
    Statistic<"forwardToWeight", "forward-to-weight-bytes", "bytes kept from forwards for weight halves">,
    Statistic<"inputToWeight", "input-to-weight-bytes", "bytes kept from input halves for weight halves">,
    Statistic<"recomputedFlops", "recomputed-flops", "flops computed again">
  ];
}

def DualPipeAccumulate : Pass<"dualpipe-accumulate", "::mlir::ModuleOp"> {
  let summary = "add gradients of parameters to those of earlier micro-batches";
  let description = [{
    Each `param_grad i` becomes the sum of a new argument `accumulator i` and the
    micro-batch's gradient.
  }];
  let statistics = [Statistic<"numAccumulators", "accumulators", "gradients that are summed">];
}

def DualPipeVerifyDifferentiated : Pass<"dualpipe-verify-differentiated", "::mlir::ModuleOp"> {
  let summary = "check that the autodiff phase is over";
  let description = [{
    Every trained parameter has a gradient in every body that binds it, every input
    that needs a gradient gets one, no gradient is computed by both halves, and
    nothing is computed for nothing.
  }];
}

#endif
