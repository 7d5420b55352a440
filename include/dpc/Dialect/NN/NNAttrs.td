// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_NN_NNATTRS_TD
#define DPC_DIALECT_NN_NNATTRS_TD

include "dpc/Dialect/NN/NNDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class NN_Attr<string name, string mnem, list<Trait> traits = []> : AttrDef<NN_Dialect, name, traits> {
  let mnemonic = mnem;
}

def NN_FileAttr : NN_Attr<"File", "file"> {
  let summary = "a byte range of a file that holds a parameter's values, little-endian and row-major";
  let description = [{
    `size` and `time` are the file's size in bytes and its modification time in
    nanoseconds when it was imported; they are checked when the bytes are read.
    `path` is absolute.

    ```mlir
    nn.parameter @mask : tensor<4xi1> = #nn.file<"/m/gpt2.onnx", 4096, 4, 1000000, 17>
    ```
  }];
  let parameters = (ins StringRefParameter<>:$path, "uint64_t":$offset, "uint64_t":$length, "uint64_t":$size, "uint64_t":$time);
  let assemblyFormat = "`<` $path `,` $offset `,` $length `,` $size `,` $time `>`";
}

def NN_InitKind : I32EnumAttr<"InitKind", "how a parameter is drawn", [
    I32EnumAttrCase<"Ones", 0, "ones">, I32EnumAttrCase<"Zeros", 1, "zeros">, I32EnumAttrCase<"Normal", 2, "normal">]> {
  let cppNamespace = "::dpc::nn";
  let genSpecializedAttr = 0;
}

def NN_InitAttr : NN_Attr<"Init", "init"> {
  let summary = "values drawn from (seed, parameter name) when the parameter is loaded";
  let description = [{
    The same whatever the rank and the schedule.

    ```mlir
    nn.parameter @w : tensor<4xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64>
    ```
  }];
  let parameters = (ins EnumParameter<NN_InitKind>:$kind, "uint64_t":$seed, "::mlir::FloatAttr":$stddev);
  let assemblyFormat = "`<` $kind `,` $seed `,` $stddev `>`";
}

def NN_Predicate : I32EnumAttr<"Predicate", "comparison", [
    I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">, I32EnumAttrCase<"LT", 2, "lt">,
    I32EnumAttrCase<"LE", 3, "le">, I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]> {
  let cppNamespace = "::dpc::nn";
  let genSpecializedAttr = 0;
}
def NN_PredicateAttr : EnumAttr<NN_Dialect, NN_Predicate, "predicate"> { let assemblyFormat = "$value"; }

// From the loops that share most to those that share nothing; docs/Kernels.md says
// what each takes in.
def NN_KernelForm : I32Enum<"KernelForm", "how a generated kernel computes an operation", [
    I32EnumCase<"Map", 0, "map">,         // elements at the same position, or one value per row
    I32EnumCase<"Move", 1, "move">,       // elements at other positions
    I32EnumCase<"Rows", 2, "rows">,       // reduces rows
    I32EnumCase<"Columns", 3, "columns">, // reduces over rows
    I32EnumCase<"Loops", 4, "loops">]> {  // loops of its own
  let cppNamespace = "::dpc::nn";
}

def NN_Reduction : I32EnumAttr<"Reduction", "reduction over the members of a group", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Max", 1, "max">]> {
  let cppNamespace = "::dpc::nn";
  let genSpecializedAttr = 0;
}
def NN_ReductionAttr : EnumAttr<NN_Dialect, NN_Reduction, "reduction"> { let assemblyFormat = "$value"; }

#endif
