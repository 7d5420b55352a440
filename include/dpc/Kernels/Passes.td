// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_KERNELS_PASSES_TD
#define DPC_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def KernelsContiguousCollectives : Pass<"kernels-contiguous-collectives", "::mlir::ModuleOp"> {
  let summary = "let collectives move contiguous parts";
  let description = [{
    A collective along another dimension than 0 becomes one along dimension 0 between
    transposes, or between reshapes where these do.

    ```mlir
    // dpc-opt --kernels-contiguous-collectives
    module attributes {nn.mesh = {ep = 2 : i64}} {
      dualpipe.body @experts {
        func.func @forward(%x: tensor<4x6xf32> {dualpipe.role = #dualpipe.role<feed 0>})
            -> (tensor<8x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
          %y = nn.all_to_all %x over "ep" split 1 concat 0 : tensor<4x6xf32> to tensor<8x3xf32>
          return %y : tensor<8x3xf32>
        }
      }
    }
    // becomes
    func.func @forward(%arg0: tensor<4x6xf32> {dualpipe.role = #dualpipe.role<feed 0>})
        -> (tensor<8x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
      %0 = nn.reshape %arg0 : tensor<4x6xf32> to tensor<4x2x3xf32>
      %1 = nn.transpose %0 [1, 0, 2] : tensor<4x2x3xf32> to tensor<2x4x3xf32>
      %2 = nn.all_to_all %1 over "ep" split 0 concat 0 : tensor<2x4x3xf32> to tensor<2x4x3xf32>
      %3 = nn.reshape %2 : tensor<2x4x3xf32> to tensor<8x3xf32>
      return %3 : tensor<8x3xf32>
    }
    ```

    Requires: bodies with nn operations. Ensures: the parts that members exchange
    are contiguous in memory, as a transport moves them.
  }];
  let statistics = [Statistic<"rewritten", "rewritten", "collectives along another dimension">];
}
def KernelsSplitReductions : Pass<"kernels-split-reductions", "::mlir::ModuleOp"> {
  let summary = "write a reduction over trailing and other dimensions as two";
  let description = [{
    A reduction over dimensions that include the last and others before a kept one
    becomes one over the trailing dimensions and one over the rest.

    ```mlir
    // dpc-opt --kernels-split-reductions
    dualpipe.body @sum {
      func.func @forward(%x: tensor<2x3x4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
          -> (tensor<3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %s = nn.reduce_sum %x [0, 2] : tensor<2x3x4xf32> to tensor<3xf32>
        return %s : tensor<3xf32>
      }
    }
    // becomes
    dualpipe.body @sum {
      func.func @forward(%arg0: tensor<2x3x4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
          -> (tensor<3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %0 = nn.reduce_sum %arg0 [2] : tensor<2x3x4xf32> to tensor<2x3xf32>
        %1 = nn.reduce_sum %0 [0] : tensor<2x3xf32> to tensor<3xf32>
        return %1 : tensor<3xf32>
      }
    }
    ```

    Requires: bodies with nn operations. Ensures: every reduction in a body goes
    over rows or over columns.
  }];
}
def KernelsAccumulateCalls : Pass<"kernels-accumulate-calls", "::mlir::ModuleOp"> {
  let summary = "let a library call add to the gradient accumulator it is summed into";
  let description = [{
    `nn.add(accumulator, nn.matmul)`, where neither has another use, becomes
    `nn.matmul ... into accumulator`. The sum is the same: product, then addition.
    So of every library call that can add to its destination.

    ```mlir
    // dpc-opt --kernels-accumulate-calls
    dualpipe.body @linear {
      func.func @forward(%x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %w: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.matmul %x, %w : tensor<4x2xf32>, tensor<2x3xf32> to tensor<4x3xf32>
        return %y : tensor<4x3xf32>
      }
      func.func @weight_half(%g: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                             %x: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                             %sum: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
          -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
        %d = nn.matmul %x, %g lhs [1, 0] : tensor<4x2xf32>, tensor<4x3xf32> to tensor<2x3xf32>
        %s = nn.add %sum, %d : tensor<2x3xf32>
        return %s : tensor<2x3xf32>
      }
    }
    // becomes
    dualpipe.body @linear {
      ...
      func.func @weight_half(%arg0: tensor<4x3xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                             %arg1: tensor<4x2xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                             %arg2: tensor<2x3xf32> {dualpipe.role = #dualpipe.role<accumulator 0>})
          -> (tensor<2x3xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
        %0 = nn.matmul %arg1, %arg0 into %arg2 lhs [1, 0] : tensor<4x2xf32>, tensor<4x3xf32>, tensor<2x3xf32> to tensor<2x3xf32>
        return %0 : tensor<2x3xf32>
      }
    }
    ```

    Requires: weight halves with roles. Ensures: the library call writes in place.
  }];
  let statistics = [Statistic<"accumulated", "accumulated", "matmuls that add in place">];
}
def KernelsOutline : Pass<"kernels-outline", "::mlir::ModuleOp"> {
  let summary = "group the operations of each half into kernels";
  let description = [{
    All operations of a body's functions but library calls, views,
    collectives and large constants are grouped (docs/Kernels.md says how), each
    group becomes a function `@k_<hash of its content>` at the module's top level,
    and a `dualpipe.launch` stands in its place. Equal kernels are one function.

    ```mlir
    // dpc-opt --kernels-outline
    dualpipe.body @gelu {
      func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %b: tensor<8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %0 = nn.broadcast %b dims [1] : tensor<8xf32> to tensor<4x8xf32>
        %1 = nn.add %x, %0 : tensor<4x8xf32>
        %2 = nn.tanh %1 : tensor<4x8xf32>
        return %2 : tensor<4x8xf32>
      }
    }
    // becomes
    dualpipe.body @gelu {
      func.func @forward(%arg0: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %arg1: tensor<8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %0 = dualpipe.launch @k_b1d12e26e32b64a0(%arg1, %arg0) : (tensor<8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
        return %0 : tensor<4x8xf32>
      }
    }
    func.func private @k_b1d12e26e32b64a0(%arg0: tensor<8xf32>, %arg1: tensor<4x8xf32>)
        -> tensor<4x8xf32> attributes {dualpipe.kernel} {
      %0 = nn.broadcast %arg0 dims [1] : tensor<8xf32> to tensor<4x8xf32>
      %1 = nn.add %arg1, %0 : tensor<4x8xf32>
      %2 = nn.tanh %1 : tensor<4x8xf32>
      return %2 : tensor<4x8xf32>
    }
    ```

    Requires: reductions are split. Ensures: every operation of a half is a launch,
    a library call, a view, a collective or a large constant.
  }];
  let dependentDialects = ["::dpc::dualpipe::DualPipeDialect"];
  let statistics = [Statistic<"launches", "launches", "launches in all bodies">, Statistic<"kernels", "kernels", "distinct kernels">];
}
def KernelsEstimateCost : Pass<"kernels-estimate-cost", "::mlir::ModuleOp"> {
  let summary = "write each stage's cost, from rates of the machine";
  let description = [{
    Sets `cost` on every `dualpipe.stage` from flops and bytes of its body's
    launches, library calls and collectives. Simulation, pair scheduling and the
    forecast read it there.

    Requires: outlined kernels. Ensures: every stage has a cost.
  }];
  let options = [Option<"machine", "machine", "std::string", "\"\"", "machine description: a JSON file, or hopper; empty is the default one">];
}
def DualPipeVerifyKernels : Pass<"dualpipe-verify-kernels", "::mlir::ModuleOp"> {
  let summary = "prove that the kernels phase is over";
  let description = [{
    Fails unless every operation of a half is a launch, a library call, a
    view, a collective along dimension 0, a large constant or the return, every
    kernel holds nn operations only and is named by its content, and every stage has
    a cost.

    Requires: the phase's other passes. Ensures: what lowering and code generation
    rely on. Changes nothing.
  }];
}

#endif
