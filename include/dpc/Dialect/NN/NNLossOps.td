// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_LossGroup : OpDocGroup {
  let summary = "Losses";
  let description = [{
    What losses are made of. A mean over weighted rows is an operation of its own,
    because training sums its numerator and its denominator over micro-batches.
    The importer writes the losses of ONNX, and those that exporters decompose,
    as these.
  }];
}
let opDocGroup = NN_LossGroup in {

def NN_CrossEntropyOp : NN_PureOp<"cross_entropy", [NN_Formed, NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "the negative logarithm of softmax(logits)[label], for each row";
  let description = [{
    logits [N, C], labels [N]: `loss` [N], 0 where the label is `ignore_index`;
    `lse` [N] is the row's log-sum-exp, kept for the derivative. A label outside
    0..C-1 that is not ignored gives NaN. Of logits of 16 bits both are f32.

    ```mlir
    %loss, %lse = nn.cross_entropy %logits, %labels ignore -100 : tensor<4x5xf32>, tensor<4xi64>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$logits, NN_IndexTensor:$labels, OptionalAttr<I64Attr>:$ignore_index);
  let extraClassDeclaration = [{
    std::optional<int64_t> getIgnoredIndex(unsigned operand) {
      std::optional<uint64_t> ignored = getIgnoreIndex();
      return operand == 1 && ignored ? std::optional<int64_t>(*ignored) : std::nullopt;
    }
    Precision getPrecision() { return Precision::AsGiven; }
    bool isNarrowResult(unsigned) { return false; }
  }];
  let results = (outs NN_FloatTensor:$loss, NN_FloatTensor:$lse);
  let assemblyFormat = "$logits `,` $labels (`ignore` $ignore_index^)? attr-dict `:` type($logits) `,` type($labels)";
}
def NN_CrossEntropyGradOp : NN_PureOp<"cross_entropy_grad", [NN_Formed, NN_BackwardOnlyOp, AllTypesMatch<["logits", "result"]>, AllTypesMatch<["grad", "lse"]>]> {
  let summary = "the derivative of cross_entropy with respect to its logits";
  let description = [{
    Row i is `grad[i] * (softmax(logits[i]) - onehot(label[i]))`, with the softmax
    computed as exp(logits - lse); a row of zeros where the label is ignored.

    ```mlir
    %dlogits = nn.cross_entropy_grad %g, %logits, %labels, %lse ignore -100 : tensor<4xf32>, tensor<4x5xf32>, tensor<4xi64>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$logits, NN_IndexTensor:$labels, NN_FloatTensor:$lse, OptionalAttr<I64Attr>:$ignore_index);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $logits `,` $labels `,` $lse (`ignore` $ignore_index^)? attr-dict `:` type($grad) `,` type($logits) `,` type($labels)";
  let hasVerifier = 1;
}
def NN_WeightedMeanOp : NN_PureOp<"weighted_mean", [NN_Formed, NN_Infer, AllTypesMatch<["values", "weights"]>, NN_Derivative]> {
  let summary = "the mean of values by weights, and the sum of weights: the normalising loss operation";
  let description = [{
    values [N], weights [N]: `result` = sum(values * weights) / sum(weights), 0
    where the denominator is 0, and `den` = sum(weights) are scalars. If exactly
    one of these reaches the loss linearly, micro-batches are weighted by their
    `den`, so that the batch's loss does not depend on how it was divided.

    ```mlir
    %mean, %den = nn.weighted_mean %losses, %weights : tensor<32xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$values, NN_FloatTensor:$weights);
  let results = (outs NN_FloatTensor:$result, NN_FloatTensor:$den);
  let assemblyFormat = "$values `,` $weights attr-dict `:` type($values)";
}
def NN_WeightedMeanGradOp : NN_PureOp<"weighted_mean_grad", [NN_Formed, NN_BackwardOnlyOp, NN_Infer, AllTypesMatch<["grad", "den"]>]> {
  let summary = "the derivative of weighted_mean with respect to its values";
  let description = [{
    `grad * weights / den`, zeros where `den` is 0: an empty micro-batch has a zero
    gradient, not a NaN.

    ```mlir
    %dlosses = nn.weighted_mean_grad %g, %weights, %den : tensor<f32>, tensor<32xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$weights, NN_FloatTensor:$den);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $weights `,` $den attr-dict `:` type($grad) `,` type($weights)";
}

} // opDocGroup
