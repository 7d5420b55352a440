// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_ModelGroup : OpDocGroup {
  let summary = "Where values come from";
  let description = "Parameters, which live outside the program, and constants, which live in it.";
}
let opDocGroup = NN_ModelGroup in {

def NN_ParameterOp : Op<NN_Dialect, "parameter", [Symbol]> {
  let summary = "a named tensor that lives outside the program";
  let description = [{
    The name is the parameter's name for the user (initializer, or framework
    name where the exporter stored it). `source` says where its values are:
    `#nn.file`, or `#nn.init`. `trained` parameters get a gradient and an update.
    `storage_name` is the initializer's name if it differs, `framework_names` are
    the framework's for it, and `framework_transposed` says that it keeps it
    transposed. `copies` are further initializers of the model with its values, and
    `partial` tells that the file holds only what was folded from it, and how: by a
    `lookup` of rows, a `slice`, or a `rearrangement` that is not known.

    The type is that of the values that are computed with. If it has too few bits to
    add an update to, `master` is the element type of the values that are trained,
    kept and saved, of which those are the rounded copy; gradients are summed in it.
    `storage` is the element type in the source, if it is another one than these
    values have.

    ```mlir
    nn.parameter @"h.0.ln_1.weight" : tensor<64xf32> trained = #nn.file<"/m/gpt2.onnx", 4096, 256, 1000000, 17>
    nn.parameter @"h.0.c_fc.weight" : tensor<8x4xbf16> trained master f32 = #nn.init<normal, 17, 2.000000e-02 : f64>
    nn.parameter @"h.1.c_fc.weight" : tensor<8x4xbf16> trained master f32 storage bf16 = #nn.file<"/m/gpt2.onnx", 8192, 64, 1000000, 17>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<NN_Tensor>:$type, UnitAttr:$trained,
    OptionalAttr<TypeAttr>:$master, OptionalAttr<TypeAttr>:$storage, AnyAttrOf<[NN_FileAttr, NN_InitAttr]>:$source);
  let assemblyFormat = "$sym_name `:` $type (`trained` $trained^)? (`master` $master^)? (`storage` $storage^)? `=` $source attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::RankedTensorType":$type, "bool":$trained, "::mlir::Attribute":$source),
    [{ build($_builder, $_state, name, type, trained, ::mlir::TypeAttr(), ::mlir::TypeAttr(), source); }]>];
  let extraClassDeclaration = [{
    /// The type of the values that are trained, kept and saved (a rank's, if sharded).
    ::mlir::RankedTensorType getMasterType();
    /// The element type in the source.
    ::mlir::Type getStorageElement();
  }];
}

def NN_GetOp : NN_PureOp<"get", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a parameter";
  let description = [{
    ```mlir
    nn.parameter @"wte.weight" : tensor<64x32xf32> trained = #nn.init<normal, 17, 2.000000e-02 : f64>
    func.func @read() -> tensor<64x32xf32> {
      %w = nn.get @wte.weight : tensor<64x32xf32>
      return %w : tensor<64x32xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$parameter);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$parameter attr-dict `:` type($result)";
}

def NN_ConstantOp : NN_PureOp<"constant", [NN_Formed, ConstantLike, NN_InactiveOp, AllTypesMatch<["value", "result"]>]> {
  let summary = "a small literal tensor";
  let description = [{
    Tensors above a megabyte stay in the model's file, as untrained parameters.

    ```mlir
    %c = nn.constant dense<0.125> : tensor<f32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def NN_IotaOp : NN_PureOp<"iota", [NN_Formed, NN_InactiveOp]> {
  let summary = "each element's index along one dimension";
  let description = [{
    ```mlir
    %columns = nn.iota 1 : tensor<2x3xi64>
    ```
    is [[0, 1, 2], [0, 1, 2]].
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

} // opDocGroup
