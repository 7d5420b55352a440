// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes of the partition phase.
#ifndef DPC_PARTITION_PASSES_TD
#define DPC_PARTITION_PASSES_TD

include "mlir/Pass/PassBase.td"

def DualPipePartition : Pass<"dualpipe-partition", "::mlir::ModuleOp"> {
  let summary = "cut the model into stages of about equal cost";
  let description = [{
    Replaces `func @forward` by `dualpipe.training`, bodies and stages.

    Requires: the import phase's module: parameters, and a function whose
    arguments have `nn.name` and whose results are the loss and its denominator.
    Ensures: what `dualpipe-verify-partitioned` checks.

    ```mlir
    // dpc-opt --dualpipe-partition="stages=2 optimizer=sgd micro-batches=8"
    nn.parameter @w0 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
    nn.parameter @w1 : tensor<8x8xf32> trained = #nn.init<normal, 1, 2.0e-02 : f64>
    func.func @forward(%x: tensor<4x8xf32> {nn.name = "x"}) -> (tensor<f32>, tensor<f32>) attributes {nn.weighting = "mean"} {
      %w0 = nn.get @w0 : tensor<8x8xf32>
      %w1 = nn.get @w1 : tensor<8x8xf32>
      %0 = nn.matmul %x, %w0 : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
      %1 = nn.matmul %0, %w1 : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
      %loss = nn.reduce_sum %1 [0, 1] : tensor<4x8xf32> to tensor<f32>
      %den = nn.constant dense<1.0> : tensor<f32>
      return %loss, %den : tensor<f32>, tensor<f32>
    }
    // becomes
    dualpipe.training optimizer "sgd" micro_batches 8 weighting "mean"
    dualpipe.body @stage0 {
      func.func @forward(%arg0: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %arg1: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %0 = nn.matmul %arg0, %arg1 : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
        return %0 : tensor<4x8xf32>
      }
    }
    dualpipe.body @stage1 {
      func.func @forward(%arg0: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %arg1: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>},
              tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
        %0 = nn.matmul %arg0, %arg1 : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
        %1 = nn.reduce_sum %0 [0, 1] : tensor<4x8xf32> to tensor<f32>
        %2 = nn.constant dense<1.000000e+00> : tensor<f32>
        return %1, %2 : tensor<f32>, tensor<f32>
      }
    }
    dualpipe.stage @s0 = @stage0 inputs [] feeds ["x"] params [@w0]
    dualpipe.stage @s1 = @stage1 inputs [#dualpipe.source<@s0, 0>] feeds [] params [@w1]
    ```
  }];
  let options = [
    Option<"stages", "stages", "unsigned", "1", "How many stages">,
    Option<"cuts", "cuts", "std::string", "\"\"", "after:PATH,... or a file of such lines; empty finds the best cuts">,
    Option<"optimizer", "optimizer", "std::string", "\"sgd\"", "kind of update that dualpipe.training names">,
    Option<"shard", "shard", "bool", "false", "of what several ranks hold, each updates a part">,
    Option<"microBatches", "micro-batches", "int64_t", "1", "Micro-batches of a step">,
    Option<"machine", "machine", "std::string", "\"\"", "Machine description (JSON); empty takes the default">
  ];
  let statistics = [
    Statistic<"numBodies", "bodies", "Different bodies">,
    Statistic<"numValues", "values sent", "Values that cross a cut, once per reading stage">,
    Statistic<"numBytes", "bytes sent", "Bytes of these values per micro-batch, forward">
  ];
  let dependentDialects = ["::dpc::dualpipe::DualPipeDialect"];
}

def DualPipeVerifyPartitioned : Pass<"dualpipe-verify-partitioned", "::mlir::ModuleOp"> {
  let summary = "check that a module is partitioned, and report what stages cost";
  let description = [{
    Checks that one `dualpipe.training` and at least one stage exist and no
    `@forward` stands outside bodies; that every body is bound and each argument
    has its source; that the last stage, and no other, yields loss and
    denominator; that only floating values cross which depend on the step's inputs
    and on trained parameters (or are the work of frozen ones, without gradient);
    that every output is read; and that `dualpipe.frozen` stands where no gradient
    is needed and nowhere else.

    Requires: the phase's other pass. Ensures: what autodiff relies on. Changes
    nothing.
  }];
  let options = [
    Option<"report", "report", "bool", "false", "Emit a remark on each stage: parameters, flops, bytes, seconds">,
    Option<"machine", "machine", "std::string", "\"\"", "Machine description (JSON); empty takes the default">
  ];
}

#endif
