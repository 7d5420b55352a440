// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_DUALPIPE_DUALPIPEOPS_TD
#define DPC_DIALECT_DUALPIPE_DUALPIPEOPS_TD

include "dpc/Dialect/DualPipe/DualPipeAttrs.td"
include "dpc/Dialect/DualPipe/DualPipeDialect.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class DualPipe_Op<string mnemonic, list<Trait> traits = []> : Op<DualPipe_Dialect, mnemonic, traits>;

def DualPipe_TrainingOp : DualPipe_Op<"training"> {
  let summary = "what one training step is, whatever the stages";
  let description = [{
    Exactly one in a module from the partition phase on. `weighting` says how
    micro-batches' losses are summed: `denominator` (by their den), `mean` (1/M)
    or `sum` (1). `sharded`: of what several ranks hold, each updates a part.

    ```mlir
    dualpipe.training optimizer "adamw" micro_batches 8 weighting "denominator"
    ```
  }];
  let arguments = (ins StrAttr:$optimizer, I64Attr:$micro_batches, StrAttr:$weighting, UnitAttr:$sharded);
  let assemblyFormat = "`optimizer` $optimizer `micro_batches` $micro_batches `weighting` $weighting (`sharded` $sharded^)? attr-dict";
  let hasVerifier = 1;
}

def DualPipe_BodyOp : DualPipe_Op<"body", [Symbol, SymbolTable, IsolatedFromAbove, NoTerminator, SingleBlock]> {
  let summary = "what a stage computes";
  let description = [{
    Holds `func.func @forward` and, after differentiation, `@input_half` and
    `@weight_half` (a body without trained parameters has no weight half, one whose
    inputs need no gradient and whose outputs' gradients lead nowhere no input
    half), and `@evaluation`: what @forward computes where no backward follows.
    Every argument and result carries `dualpipe.role`.

    ```
    forward:      input, feed, param, key            -> output, loss, den, kept
    input half:   output_grad, den, loss_scale, kept, input, feed, param, output, key -> input_grad, kept
    weight half:  the same, and accumulator          -> param_grad
    evaluation:   input, feed, param, key            -> output, loss, den, graph_output
    ```

    A `graph_output` is a further output of the graph, which evaluation reports by its
    name. Until `@evaluation` is split off, @forward makes it.

    An input, parameter or output of @forward with the unit attribute
    `dualpipe.frozen` has no gradient: there is no input_grad, param_grad or
    output_grad of it (a parameter that is not trained, an input that depends on
    none that is, an output whose readers all take it so). These marks are the
    body's activity signature: stages that differ in them have bodies of their own.

    A value read by a later half is a retained input, feed, output or output
    gradient (its role says which), or a kept value. `kept i` is the result of
    exactly one function and an argument of at least one later one.

    ```mlir
    dualpipe.body @layer {
      func.func @forward(%x: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %w: tensor<32x32xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<16x32xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.matmul %x, %w : tensor<16x32xf32>, tensor<32x32xf32> to tensor<16x32xf32>
        return %y : tensor<16x32xf32>
      }
      func.func @input_half(%g: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                            %w: tensor<32x32xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<16x32xf32> {dualpipe.role = #dualpipe.role<input_grad 0>}) {
        %dx = nn.matmul %g, %w rhs [1, 0] : tensor<16x32xf32>, tensor<32x32xf32> to tensor<16x32xf32>
        return %dx : tensor<16x32xf32>
      }
      func.func @weight_half(%g: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<output_grad 0>},
                             %x: tensor<16x32xf32> {dualpipe.role = #dualpipe.role<input 0>})
          -> (tensor<32x32xf32> {dualpipe.role = #dualpipe.role<param_grad 0>}) {
        %dw = nn.matmul %x, %g lhs [1, 0] : tensor<16x32xf32>, tensor<16x32xf32> to tensor<32x32xf32>
        return %dw : tensor<32x32xf32>
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name);
  let regions = (region SizedRegion<1>:$functions);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $functions";
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The functions; null where the body has none.
    ::mlir::func::FuncOp getForward();
    ::mlir::func::FuncOp getInputHalf();
    ::mlir::func::FuncOp getWeightHalf();
    ::mlir::func::FuncOp getEvaluation();
  }];
}

def DualPipe_StageOp : DualPipe_Op<"stage", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a body bound to its parameters and to where its inputs come from";
  let description = [{
    `inputs[i]` is the stage output that is the body's `input i`; `feeds[i]` the
    name of the graph input that is `feed i`; `params[i]` the parameter that is
    `param i`; `graph_outputs[i]`, where there are any, the name of the graph's output
    that is `graph_output i`. Stages stand in the order of the chain; a stage reads
    from earlier ones only.

    ```mlir
    nn.parameter @h.0.w : tensor<8x8xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64>
    nn.parameter @h.1.w : tensor<8x8xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64>
    dualpipe.body @first {
      func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<feed 0>},
                         %w: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.matmul %x, %w : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
        return %y : tensor<4x8xf32>
      }
    }
    dualpipe.body @layer {
      func.func @forward(%x: tensor<4x8xf32> {dualpipe.role = #dualpipe.role<input 0>},
                         %w: tensor<8x8xf32> {dualpipe.role = #dualpipe.role<param 0>})
          -> (tensor<4x8xf32> {dualpipe.role = #dualpipe.role<output 0>}) {
        %y = nn.matmul %x, %w : tensor<4x8xf32>, tensor<8x8xf32> to tensor<4x8xf32>
        return %y : tensor<4x8xf32>
      }
    }
    dualpipe.stage @s0 = @first inputs [] feeds ["x"] params [@h.0.w]
    dualpipe.stage @s1 = @layer inputs [#dualpipe.source<@s0, 0>] feeds [] params [@h.1.w]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$body, ArrayAttr:$inputs, ArrayAttr:$feeds, ArrayAttr:$params,
                       OptionalAttr<ArrayAttr>:$graph_outputs, OptionalAttr<DualPipe_CostAttr>:$cost);
  let assemblyFormat = "$sym_name `=` $body `inputs` $inputs `feeds` $feeds `params` $params (`graph_outputs` $graph_outputs^)? (`cost` $cost^)? attr-dict";
  let hasVerifier = 1;
}

def DualPipe_ScheduleOp : DualPipe_Op<"schedule", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "which rank does which task when";
  let description = [{
    The content is the schedule library's own text form, so that there is one
    representation and one parser; stage k of the text is the k-th symbol. This is
    `dpc schedule show 1f1b --pp 1 --micro-batches 2`:

    ```mlir
    dualpipe.body @all {
      func.func @forward(%x: tensor<4xf32> {dualpipe.role = #dualpipe.role<feed 0>})
          -> (tensor<f32> {dualpipe.role = #dualpipe.role<loss 0>}, tensor<f32> {dualpipe.role = #dualpipe.role<den 0>}) {
        %loss, %den = nn.weighted_mean %x, %x : tensor<4xf32>
        return %loss, %den : tensor<f32>, tensor<f32>
      }
    }
    dualpipe.stage @s0 = @all inputs [] feeds ["x"] params []
    dualpipe.schedule @train_step stages [@s0] "schedule 1f1b\0Aranks 1\0Astages 1\0Amicro-batches 2\0Areplica 0: micro-batches 0..1 on ranks 0\0Arank 0: 0F0 0B0 0F1 0B1\0A"
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ArrayAttr:$stages, StrAttr:$text);
  let assemblyFormat = "$sym_name `stages` $stages $text attr-dict";
  let hasVerifier = 1;
}

def DualPipe_LaunchOp : DualPipe_Op<"launch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "calls a kernel";
  let description = [{
    `kernel` is a `func.func` at the module's top level with the attribute
    `dualpipe.kernel`; its name is the hash of its content. A kernel's argument
    with the attribute `dualpipe.inplace = r` shares one buffer with result r: the
    launch overwrites that operand, which must not be used afterwards.

    ```mlir
    func.func @k_7f3a(%x: tensor<16x32xf32>, %y: tensor<16x32xf32>) -> tensor<16x32xf32> attributes {dualpipe.kernel} {
      %s = nn.add %x, %y : tensor<16x32xf32>
      return %s : tensor<16x32xf32>
    }
    func.func @caller(%a: tensor<16x32xf32>, %b: tensor<16x32xf32>) -> tensor<16x32xf32> {
      %s = dualpipe.launch @k_7f3a(%a, %b) : (tensor<16x32xf32>, tensor<16x32xf32>) -> tensor<16x32xf32>
      return %s : tensor<16x32xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyType>:$operands);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = "$kernel `(` $operands `)` attr-dict `:` functional-type($operands, $results)";
}

#endif
