// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_IMPORT_PASSES_TD
#define DPC_IMPORT_PASSES_TD

include "mlir/Pass/PassBase.td"

def NNAbsorbTransposes : Pass<"nn-absorb-transposes", "::mlir::func::FuncOp"> {
  let summary = "let matrix products read and write permuted tensors";
  let description = [{
    A permutation of a product's operand or result is a matter of strides, which
    the library takes as they are. Which ones a call absorbs is decided here,
    before partition, because the library's bits depend on strides: a cut must
    never decide it.

    ```mlir
    // dpc-opt --nn-absorb-transposes
    func.func @scores(%q: tensor<1x4x16x8xf32>, %k: tensor<1x16x4x8xf32>) -> tensor<1x4x16x16xf32> {
      %t = nn.transpose %k [0, 2, 3, 1] : tensor<1x16x4x8xf32> to tensor<1x4x8x16xf32>
      %s = nn.matmul %q, %t : tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32> to tensor<1x4x16x16xf32>
      return %s : tensor<1x4x16x16xf32>
    }
    // becomes
    func.func @scores(%arg0: tensor<1x4x16x8xf32>, %arg1: tensor<1x16x4x8xf32>) -> tensor<1x4x16x16xf32> {
      %0 = nn.matmul %arg0, %arg1 rhs [0, 2, 3, 1] : tensor<1x4x16x8xf32>, tensor<1x16x4x8xf32> to tensor<1x4x16x16xf32>
      return %0 : tensor<1x4x16x16xf32>
    }
    ```

    A transpose is absorbed by an operand if one of the two dimensions of the
    matrix stays contiguous in memory (the last stored dimension), the layouts
    that the library multiplies at full speed; by a result if the product has no
    other reader and its rows stay contiguous. Reshapes that join batch
    dimensions before a transpose and split them after it, and elementwise
    operations with a constant between transpose and product, are moved out of
    the way.

    Requires: nn operations. Ensures: no permutation remains that a product
    could take.
  }];
  let statistics = [
    Statistic<"numOperands", "operands", "Transposes absorbed by operands">,
    Statistic<"numResults", "results", "Transposes absorbed by results">
  ];
}

def NNDropEmpty : Pass<"nn-drop-empty", "::mlir::ModuleOp"> {
  let summary = "remove tensors without elements";
  let description = [{
    A part without elements adds nothing to a join, a sum of no terms is 0, and an
    input without elements (a cache of no past tokens) brings nothing. What has
    elements is computed without them; the rest is not computed.

    ```mlir
    // dpc-opt --nn-drop-empty
    func.func @forward(%past: tensor<2x0x4xf32> {nn.name = "past"}, %x: tensor<2x3x4xf32> {nn.name = "x"}) -> tensor<2x3x4xf32> {
      %y = nn.concat 1, %past, %x : tensor<2x0x4xf32>, tensor<2x3x4xf32> to tensor<2x3x4xf32>
      return %y : tensor<2x3x4xf32>
    }
    // becomes
    func.func @forward(%arg0: tensor<2x3x4xf32> {nn.name = "x"}) -> tensor<2x3x4xf32> {
      return %arg0 : tensor<2x3x4xf32>
    }
    ```

    Requires: nn operations. Ensures: every tensor that is computed, and every
    input, has elements; it is an error if the loss depends on a value that none
    defines. Nothing to do: no tensor without elements.
  }];
  let statistics = [
    Statistic<"numFolded", "folded", "Operations replaced by what they make of nothing">,
    Statistic<"numInputs", "inputs", "Inputs without elements removed">
  ];
}

def NNGuardDivisions : Pass<"nn-guard-divisions", "::mlir::ModuleOp"> {
  let summary = "give divisions of integers by 0 a result, and say where they were";
  let description = [{
    A processor stops at a division of integers by 0, and at one of the least integer
    by -1. Where the divisor is not known, the first gives 0 and the second wraps
    around; and `@forward` gets one more result, a number that is 0 unless a divisor
    was 0, and else says which division, and which element, was the first
    (`nn.divisions` of the module).

    ```mlir
    // dpc-opt --nn-guard-divisions
    func.func @forward(%x: tensor<4xi32>, %y: tensor<4xi32>) -> tensor<4xi32> {
      %q = nn.div %x, %y : tensor<4xi32>
      return %q : tensor<4xi32>
    }
    // becomes
    module attributes {nn.divisions = [ {node = "", shape = array<i64: 4>} ]} {
      func.func @forward(%arg0: tensor<4xi32>, %arg1: tensor<4xi32>) -> (tensor<4xi32>, tensor<i64> {nn.name = "fault"}) {
        %0 = nn.constant dense<0> : tensor<4xi32>
        %1 = nn.compare eq, %arg1, %0 : tensor<4xi32>
        %2 = nn.constant dense<-1> : tensor<4xi32>
        %3 = nn.compare eq, %arg1, %2 : tensor<4xi32>
        %4 = nn.or %1, %3 : tensor<4xi1>
        %5 = nn.constant dense<1> : tensor<4xi32>
        %6 = nn.select %4, %5, %arg1 : tensor<4xi32>
        %7 = nn.div %arg0, %6 : tensor<4xi32>
        %8 = nn.neg %arg0 : tensor<4xi32>
        %9 = nn.select %3, %8, %7 : tensor<4xi32>
        %10 = nn.constant dense<0> : tensor<4xi32>
        %11 = nn.select %1, %10, %9 : tensor<4xi32>
        %12 = nn.iota 0 : tensor<4xi64>
        %13 = nn.constant dense<2199023255551> : tensor<4xi64>
        %14 = nn.sub %13, %12 : tensor<4xi64>
        %15 = nn.constant dense<0> : tensor<4xi64>
        %16 = nn.select %1, %14, %15 : tensor<4xi64>
        %17 = nn.reduce_max %16 [0] : tensor<4xi64> to tensor<i64>
        return %11, %17 : tensor<4xi32>, tensor<i64>
      }
    }
    ```

    Requires: nn operations. Ensures: no division of integers stops a processor.
    Nothing to do: no division of integers, or by constants other than 0 and -1 only.
  }];
  let statistics = [Statistic<"numGuarded", "guarded", "Divisions that data may make impossible">];
}

def NNReducePrecision : Pass<"nn-reduce-precision", "::mlir::ModuleOp"> {
  let summary = "compute in 16-bit floats where that is what training in mixed precision does";
  let description = [{
    Operations say by an interface (`PrecisionOpInterface`) whether they read and
    write 16 bits: matrix products and convolutions, lookups, normalisations over
    rows, cross entropy's logits. Softmax does if its readers do, what moves
    elements if its operand has them or its readers do, everything else stays in f32. A value computed in
    f32 is rounded where something of 16 bits reads it or several operations do, so
    that what memory holds between products has 16 bits. Losses are f32.

    A parameter that is read as 16 bits only becomes one, and its former type that
    of its master, which the optimizer updates.

    ```mlir
    // dpc-opt --nn-reduce-precision
    nn.parameter @w : tensor<4x8xf32> trained = #nn.init<normal, 1, 2.000000e-02 : f64>
    func.func @forward(%x: tensor<2x4xf32>) -> tensor<2x8xf32> {
      %w = nn.get @w : tensor<4x8xf32>
      %y = nn.matmul %x, %w : tensor<2x4xf32>, tensor<4x8xf32> to tensor<2x8xf32>
      %z = nn.tanh %y : tensor<2x8xf32>
      return %z : tensor<2x8xf32>
    }
    // becomes
    nn.parameter @w : tensor<4x8xbf16> trained master f32 = #nn.init<normal, 1, 2.000000e-02 : f64>
    func.func @forward(%arg0: tensor<2x4xf32>) -> tensor<2x8xf32> {
      %0 = nn.cast %arg0 : tensor<2x4xf32> to tensor<2x4xbf16>
      %1 = nn.get @w : tensor<4x8xbf16>
      %2 = nn.matmul %0, %1 : tensor<2x4xbf16>, tensor<4x8xbf16> to tensor<2x8xbf16>
      %3 = nn.cast %2 : tensor<2x8xbf16> to tensor<2x8xf32>
      %4 = nn.tanh %3 : tensor<2x8xf32>
      return %4 : tensor<2x8xf32>
    }
    ```

    Requires: nn operations; what a product absorbs is decided (casts would stand in
    the way). Ensures: the results of `@forward` keep their types. Nothing to do: no
    f32.
  }];
  let options = [Option<"precision", "precision", "std::string", "\"bf16\"", "the 16-bit type: bf16">];
  let statistics = [
    Statistic<"numNarrowed", "narrowed", "Operations with results of 16 bits">,
    Statistic<"numCasts", "casts", "Casts put in">,
    Statistic<"numParameters", "parameters", "Parameters with a copy of 16 bits">
  ];
}

def NNBoundInputs : Pass<"nn-bound-inputs", "::mlir::ModuleOp"> {
  let summary = "note which integers an input may hold";
  let description = [{
    An input that becomes an index, of a table or of a class, by ways on which no
    arithmetic is done, gets the least such extent as `nn.limit`. What lies below is
    noted on the function, by the input's name: the least value that it may have
    (less than 0 where negative indices count from the end; none where a mask may
    replace others), and values beyond both ends that are passed over, as
    `ignore_index` is. Data is checked against both ends, and synthetic data drawn
    between 0 and the limit.

    ```mlir
    // dpc-opt --nn-bound-inputs
    func.func @forward(%ids: tensor<2x16xi64> {nn.name = "ids"}, %table: tensor<128x32xf32>) -> tensor<2x16x32xf32> {
      %e = nn.gather %table, %ids axis 0 : tensor<128x32xf32>, tensor<2x16xi64> to tensor<2x16x32xf32>
      return %e : tensor<2x16x32xf32>
    }
    // becomes
    func.func @forward(%arg0: tensor<2x16xi64> {nn.limit = 128 : i64, nn.name = "ids"},
                       %arg1: tensor<128x32xf32>)
        -> tensor<2x16x32xf32> attributes {nn.bounds = {ids = {minimum = 0 : i64}}} {
      %0 = nn.gather %arg1, %arg0 axis 0 : tensor<128x32xf32>, tensor<2x16xi64> to tensor<2x16x32xf32>
      return %0 : tensor<2x16x32xf32>
    }
    ```

    Requires: nn operations. Ensures: every input that is an index has its bounds.
    Nothing to do: no integer inputs, or none that is an index.
  }];
  let statistics = [Statistic<"numBounded", "bounded", "Inputs with a limit">];
}

def NNVerifyImported : Pass<"nn-verify-imported", "::mlir::ModuleOp"> {
  let summary = "check that the import phase is over";
  let description = [{
    One function `@forward` of nn operations on static shapes; its results are a
    scalar floating loss and its denominator, and where integers are divided an i64
    that says where one was by 0; arguments have names
    (`nn.name`) and are used; no tensor is without elements; `nn.weighting` says how micro-batches join; each
    parameter is read, and each trained one has a differentiable path to the
    loss, through operations that have derivatives.

    Requires: the phase's other passes. Ensures: what partition and autodiff rely
    on. Changes nothing.
  }];
}

#endif
