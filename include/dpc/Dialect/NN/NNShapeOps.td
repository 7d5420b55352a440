// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_ShapeGroup : OpDocGroup {
  let summary = "Operations that move elements";
  let description = [{
    Each result element is an element of an operand, or a constant; nothing is
    computed. Kernels read through them: most cost nothing.
  }];
}
let opDocGroup = NN_ShapeGroup in {

def NN_BroadcastOp : NN_PureOp<"broadcast", [NN_Formed, NN_MovesElementsOp, NN_Derivative]> {
  let summary = "repeats a tensor along new and unit dimensions";
  let description = [{
    Dimension i of the operand is dimension `dims[i]` of the result (increasing);
    its extent is equal there, or 1. All other dimensions of the result repeat.

    ```mlir
    %y = nn.broadcast %x dims [1] : tensor<8xf32> to tensor<4x8xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, DenseI64ArrayAttr:$dims);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `dims` $dims attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}
def NN_ReshapeOp : NN_PureOp<"reshape", [NN_Formed, NN_MovesElementsOp, NN_Derivative]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    A view: no work, no bytes.

    ```mlir
    %y = nn.reshape %x : tensor<2x3xf32> to tensor<6xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{ bool isView() { return true; } }];
}
def NN_TransposeOp : NN_PureOp<"transpose", [NN_Formed, NN_MovesElementsOp, NN_Infer, NN_Derivative]> {
  let summary = "permutes dimensions: dimension i of the result is dimension perm[i] of the operand";
  let description = [{
    ```mlir
    %y = nn.transpose %x [1, 0] : tensor<2x3xf32> to tensor<3x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, DenseI64ArrayAttr:$perm);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand $perm attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}
def NN_SliceOp : NN_PureOp<"slice", [NN_Formed, NN_MovesElementsOp, NN_Infer, NN_Derivative]> {
  let summary = "every strides[i]-th element from starts[i] on and below limits[i], of each dimension";
  let description = [{
    Strides are positive; a reversed slice is refused at import.

    ```mlir
    %y = nn.slice %x [0, 2] to [4, 8] step [1, 1] : tensor<4x8xf32> to tensor<4x6xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$limits, DenseI64ArrayAttr:$strides);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand $starts `to` $limits `step` $strides attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{ int64_t getBytes() { return 2 * getByteSize(getType()); } }];
}
def NN_PadOp : NN_PureOp<"pad", [NN_Formed, NN_MovesElementsOp, NN_Infer, NN_Derivative]> {
  let summary = "puts `value` around and between elements";
  let description = [{
    `low[i]` elements before, `high[i]` after, `interior[i]` between two
    neighbours of dimension i, all at least 0. `value` has the element type. With
    zeros this is the transpose of `nn.slice`.

    ```mlir
    %y = nn.pad %x low [0, 1] high [2, 0] interior [0, 1] with 0.0 : f32 : tensor<2x3xf32> to tensor<4x6xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$interior, TypedAttrInterface:$value);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand `low` $low `high` $high `interior` $interior `with` $value attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
}
def NN_ConcatOp : NN_PureOp<"concat", [NN_Formed, NN_MovesElementsOp, NN_Infer, NN_Derivative]> {
  let summary = "joins tensors along one dimension";
  let description = [{
    ```mlir
    %y = nn.concat 1, %a, %b : tensor<2x3xf32>, tensor<2x5xf32> to tensor<2x8xf32>
    ```
  }];
  let arguments = (ins Variadic<NN_Tensor>:$operands, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$axis `,` $operands attr-dict `:` type($operands) `to` type($result)";
  let hasFolder = 1;
}

} // opDocGroup
