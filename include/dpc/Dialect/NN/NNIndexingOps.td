// Reading and adding at indices. Indices are counted from 0; negative ones are
// counted from the end by the importer's normalisation, so here an index out of
// range is an error of the data: reads give zeros, additions are dropped.

def NN_GatherOp : NN_PureOp<"gather", [NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "slices of the table along `axis` at the indices";
  let description = [{
    Result shape: table[:axis] + indices + table[axis+1:].
    Example: `%e = nn.gather %table, %ids axis 0 : tensor<64x32xf32>, tensor<2x16xi64> to tensor<2x16x32xf32>`.
  }];
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$table `,` $indices `axis` $axis attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterAddOp : NN_PureOp<"scatter_add", [NN_Derivative]> {
  let summary = "zeros, with each update slice added at its index along `axis`: the transpose of gather";
  let description = "Updates are added in row-major order of the indices.";
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates `axis` $axis attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
}
def NN_GatherNdOp : NN_PureOp<"gather_nd", [NN_Infer, NN_Derivative]> {
  let summary = "slices at index tuples (ONNX GatherND)";
  let description = [{
    The last dimension of `indices` (extent n) holds tuples into the n dimensions
    of the table that follow the first `batch_dims` common ones.
    Result shape: indices[:-1] + table[batch_dims + n:].
  }];
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterNdAddOp : NN_PureOp<"scatter_nd_add", [NN_Derivative]> {
  let summary = "zeros, with each update slice added at its index tuple: the transpose of gather_nd";
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
}
def NN_GatherElementsOp : NN_PureOp<"gather_elements", [NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "one element per index along `axis` (ONNX GatherElements); the result has the indices' shape";
  let arguments = (ins NN_Tensor:$table, NN_IndexTensor:$indices, I64Attr:$axis);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$table `,` $indices `axis` $axis attr-dict `:` type($table) `,` type($indices) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getResult()); }
    int64_t getBytes() { return getByteSize(getIndices().getType()) + 2 * getByteSize(getType()); }
  }];
}
def NN_ScatterElementsAddOp : NN_PureOp<"scatter_elements_add", [NN_Derivative]> {
  let summary = "zeros, with each update added at its index along `axis`: the transpose of gather_elements";
  let arguments = (ins NN_IndexTensor:$indices, NN_FloatTensor:$updates, I64Attr:$axis);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$indices `,` $updates `axis` $axis attr-dict `:` type($indices) `,` type($updates) `to` type($result)";
  let hasVerifier = 1;
}
def NN_TopKOp : NN_PureOp<"top_k", [NN_Infer, NN_Derivative]> {
  let summary = "the k largest (or smallest) elements of the last dimension in order, and their indices; equal ones by ascending index";
  let arguments = (ins NN_NumberTensor:$operand, I64Attr:$k, UnitAttr:$smallest);
  let results = (outs NN_NumberTensor:$values, NN_IndexTensor:$indices);
  let assemblyFormat = "$operand `,` $k (`smallest` $smallest^)? attr-dict `:` type($operand) `to` type($values) `,` type($indices)";
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return getElementCount(getValues()); }
  }];
}
