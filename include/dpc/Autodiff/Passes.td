// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_AUTODIFF_PASSES_TD
#define DPC_AUTODIFF_PASSES_TD

include "mlir/Pass/PassBase.td"

def DualPipeAddEvaluation : Pass<"dualpipe-add-evaluation", "::mlir::ModuleOp"> {
  let summary = "give each body a forward for evaluation alone";
  let description = [{
    `@evaluation` is @forward as it is before differentiation: nothing is kept for a
    backward, so every value of a micro-batch dies with its last reader. Outputs of
    the graph that training does not want (`graph_output`) go with it, and so does what a
    stage sends to another for them alone.

    ```mlir
    // dpc-opt --dualpipe-add-evaluation
    dualpipe.body @last {
      func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>},
              tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
        %y = nn.exp %x : tensor<4xf32>
        %most = nn.reduce_max %y [0] : tensor<4xf32> to tensor<f32>
        return %y, %most : tensor<4xf32>, tensor<f32>
      }
    }
    // becomes
    dualpipe.body @last {
      func.func @forward(%arg0: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %0 = nn.exp %arg0 : tensor<4xf32>
        return %0 : tensor<4xf32>
      }
      func.func @evaluation(%arg0: tensor<4xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>},
              tensor<f32> {dualpipe.role = #dualpipe.role<graph_output 0>}) {
        %0 = nn.exp %arg0 : tensor<4xf32>
        %1 = nn.reduce_max %0 [0] : tensor<4xf32> to tensor<f32>
        return %0, %1 : tensor<4xf32>, tensor<f32>
      }
    }
    ```

    Requires: bodies have no halves yet. Ensures: every body has @evaluation, and no
    @forward makes a `graph_output`, or an output that no stage's @forward reads.
  }];
  let statistics = [Statistic<"numGraphOutputs", "graph-outputs", "outputs of the graph that only evaluation makes">];
}

def DualPipeDifferentiate : Pass<"dualpipe-differentiate", "::mlir::ModuleOp"> {
  let summary = "give each body its input half and weight half";
  let description = [{
    Reverse mode over the forward of each body, along active paths only, then a
    split: the weight half is the gradients of values that depend on parameters and
    constants only, and the operations that serve only these; the input half is the
    gradients of activations. Every value a half reads is kept.

    ```mlir
    // dpc-opt --dualpipe-differentiate
    dualpipe.body @linear {
      func.func @forward(%x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %w: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> to tensor<4x3xf32>
        return %y : tensor<4x3xf32>
      }
    }
    // becomes
    dualpipe.body @linear {
      ...
      func.func @input_half(%arg0: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                            %arg1: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
        %0 = nn.matmul %arg0, %arg1 rhs [1, 0] : tensor<4x3xf32>, tensor<2x3xf32> to tensor<4x2xf32>
        return %0 : tensor<4x2xf32>
      }
      func.func @weight_half(%arg0: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                             %arg1: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
        %0 = nn.matmul %arg1, %arg0 lhs [1, 0] : tensor<4x2xf32>, tensor<4x3xf32> to tensor<2x3xf32>
        return %0 : tensor<2x3xf32>
      }
    }
    ```

    Requires: bodies have no halves yet. Ensures: `kept` values have slots;
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

    The derivative reads both results. With `recompute=full` the exponential alone
    is kept, and the tanh computed again:

    ```mlir
    // dpc-opt --dualpipe-differentiate --dualpipe-choose-residuals=recompute=full
    dualpipe.body @exp {
      func.func @forward(%x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<4x2xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %e = nn.exp %x : tensor<4x2xf32>
        %y = nn.tanh %e : tensor<4x2xf32>
        return %y : tensor<4x2xf32>
      }
    }
    // becomes
    dualpipe.body @exp {
      ...
      func.func @input_half(%arg0: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                            %arg1: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<kept 0>})
          -> (tensor<4x2xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
        %0 = nn.tanh %arg1 : tensor<4x2xf32>
        %1 = nn.constant dense<1.000000e+00> : tensor<4x2xf32>
        %2 = nn.mul %0, %0 : tensor<4x2xf32>
        %3 = nn.sub %1, %2 : tensor<4x2xf32>
        %4 = nn.mul %arg0, %3 : tensor<4x2xf32>
        %5 = nn.mul %4, %arg1 : tensor<4x2xf32>
        return %5 : tensor<4x2xf32>
      }
    }
    ```

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

    ```mlir
    // dpc-opt --dualpipe-differentiate --dualpipe-accumulate
    dualpipe.body @scale {
      func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.mul %x, %w : tensor<4xf32>
        return %y : tensor<4xf32>
      }
    }
    // becomes
    dualpipe.body @scale {
      ...
      func.func @weight_half(%arg0: tensor<4xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                             %arg1: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                             %arg2: tensor<4xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
          -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
        %0 = nn.mul %arg0, %arg1 : tensor<4xf32>
        %1 = nn.add %arg2, %0 : tensor<4xf32>
        return %1 : tensor<4xf32>
      }
    }
    ```

    Requires: residuals are chosen (an accumulator is none). Ensures: every
    `param_grad` has its `accumulator`.
  }];
  let statistics = [Statistic<"numAccumulators", "accumulators", "gradients that are summed">];
}

def DualPipeVerifyDifferentiated : Pass<"dualpipe-verify-differentiated", "::mlir::ModuleOp"> {
  let summary = "check that the autodiff phase is over";
  let description = [{
    Every trained parameter has a gradient in every body that binds it, every input
    that needs a gradient gets one, no gradient is computed by both halves, and
    nothing is computed for nothing.

    Requires: the phase's other passes. Ensures: what kernels and lowering rely on.
    Changes nothing.
  }];
}

#endif
