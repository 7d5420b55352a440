// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_IndexingGroup : OpDocGroup {
  let summary = "Reading and adding at indices";
  let description = [{
    Indices are counted from 0. Negative ones, which ONNX counts from the end, are
    made positive by the importer, so an index out of range is an error of the
    data here: reads give zeros, additions are dropped. Every operation that reads
    has its transpose, which adds; it is the derivative.
  }];
}
let opDocGroup = NN_IndexingGroup in {

def NN_GatherOp : NN_PureOp<"gather", [NN_Formed, NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "slices of the table along `axis` at the indices";
  let description = [{
    Result shape: table[:axis] + indices + table[axis+1:]. Reading the slice
    `padding_row` adds nothing to its gradient.

    ```mlir
    %e = nn.gather %table, %ids axis 0 : tensor<64x32xf32>, tensor<2x16xi64> to tensor<2x16x32xf32>
    %p = nn.gather %table, %ids axis 0 padding 1 : tensor<64x32xf32>, tensor<2x16xi64> to tensor<2x16x32xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, I64Attr:$axis, OptionalAttr<I64Attr>:$padding_row);
  let results = (outs NN_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Type":$type, "::mlir::Value":$table, "::mlir::Value":$indices, "int64_t":$axis),
    [{ build($_builder, $_state, type, table, indices, axis, ::mlir::IntegerAttr()); }]>,
    OpBuilder<(ins "::mlir::Value":$table, "::mlir::Value":$indices, "int64_t":$axis),
    [{ build($_builder, $_state, table, indices, axis, ::mlir::IntegerAttr()); }]>];
  let assemblyFormat = "$table `,` $indices `axis` $axis (`padding` $padding_row^)? attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    Precision getPrecision() { return Precision::Narrow; }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterAddOp : NN_PureOp<"scatter_add", [NN_Formed, NN_Derivative]> {
  let summary = "zeros, with each update slice added at its index along `axis`: the transpose of gather";
  let description = [{
    Updates are added in row-major order of the indices, so that a table's gradient
    has the same bits however the work is divided.

    ```mlir
    %g = nn.scatter_add %ids, %de axis 0 : tensor<2x16xi64>, tensor<2x16x32xf32> to tensor<64x32xf32>
    ```
  }];
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates `axis` $axis attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);";
}
def NN_GatherNdOp : NN_PureOp<"gather_nd", [NN_Formed, NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "slices at index tuples (ONNX GatherND)";
  let description = [{
    The last dimension of `indices` (extent n) holds tuples into the n dimensions
    of the table that follow the first `batch_dims` common ones.
    Result shape: indices[:-1] + table[batch_dims + n:].

    ```mlir
    %rows = nn.gather_nd %table, %places {batch_dims = 1 : i64} : tensor<4x6xf32>, tensor<4x2x1xi64> to tensor<4x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    Precision getPrecision() { return Precision::AsGiven; }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterNdAddOp : NN_PureOp<"scatter_nd_add", [NN_Formed, NN_Derivative]> {
  let summary = "zeros, with each update slice added at its index tuple: the transpose of gather_nd";
  let description = [{
    ```mlir
    %g = nn.scatter_nd_add %places, %drows {batch_dims = 1 : i64} : tensor<4x2x1xi64>, tensor<4x2xf32> to tensor<4x6xf32>
    ```
  }];
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);";
}
def NN_GatherElementsOp : NN_PureOp<"gather_elements", [NN_Formed, NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "one element per index along `axis` (ONNX GatherElements)";
  let description = [{
    The result has the indices' shape: its element at a place is the table's at
    that place, the coordinate of `axis` replaced by the index.

    ```mlir
    %y = nn.gather_elements %table, %k axis 1 : tensor<4x6xf32>, tensor<4x2xi64> to tensor<4x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$table `,` $indices `axis` $axis attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    Precision getPrecision() { return Precision::AsGiven; }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterElementsAddOp : NN_PureOp<"scatter_elements_add", [NN_Formed, NN_Derivative]> {
  let summary = "zeros, with each update added at its index along `axis`: the transpose of gather_elements";
  let description = [{
    ```mlir
    %g = nn.scatter_elements_add %k, %dy axis 1 : tensor<4x2xi64>, tensor<4x2xf32> to tensor<4x6xf32>
    ```
  }];
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates `axis` $axis attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = "::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);";
}
def NN_TopKOp : NN_PureOp<"top_k", [NN_Formed, NN_Infer, NN_Derivative]> {
  let summary = "the k largest (or smallest) elements of the last dimension, and their indices";
  let description = [{
    In descending order (ascending, if `smallest`), equal ones by ascending index.
    The gradient of `values` is added at the indices; `indices` have none.

    ```mlir
    %values, %places = nn.top_k %x, 2 : tensor<4x6xf32> to tensor<4x2xf32>, tensor<4x2xi64>
    ```
  }];
  let arguments = (ins NN_NumberTensor:$operand, I64Attr:$k, UnitAttr:$smallest);
  let results = (outs NN_NumberTensor:$values, NN_IndexTensor:$indices);
  let assemblyFormat = "$operand `,` $k (`smallest` $smallest^)? attr-dict `:` type($operand) `to` type($values) `,` type($indices)";
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getValues()); }
  }];
}

} // opDocGroup
