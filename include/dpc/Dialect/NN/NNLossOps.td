// What losses are made of. A mean over weighted rows is its own operation,
// because training sums its numerator and denominator over micro-batches.

def NN_CrossEntropyOp : NN_PureOp<"cross_entropy", [NN_Infer, NN_Derivative, NN_Indexing]> {
  let summary = "-log softmax(logits)[label] for each row";
  let description = [{
    logits [N, C], labels [N]: `loss` [N], 0 where the label is `ignore_index`;
    `lse` [N] is the row's log-sum-exp, kept for the derivative. A label outside
    0..C-1 that is not ignored gives NaN.
  }];
  let arguments = (ins NN_FloatTensor:$logits, NN_IndexTensor:$labels, OptionalAttr<I64Attr>:$ignore_index);
  let results = (outs NN_FloatTensor:$loss, NN_FloatTensor:$lse);
  let assemblyFormat = "$logits `,` $labels (`ignore` $ignore_index^)? attr-dict `:` type($logits) `,` type($labels)";
}
def NN_CrossEntropyGradOp : NN_PureOp<"cross_entropy_grad", [NN_BackwardOnlyOp, AllTypesMatch<["logits", "result"]>, AllTypesMatch<["grad", "lse"]>]> {
  let summary = "grad[i] * (softmax(logits[i]) - onehot(label[i])), a row of zeros where ignored";
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$logits, NN_IndexTensor:$labels, NN_FloatTensor:$lse, OptionalAttr<I64Attr>:$ignore_index);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $logits `,` $labels `,` $lse (`ignore` $ignore_index^)? attr-dict `:` type($grad) `,` type($logits) `,` type($labels)";
  let hasVerifier = 1;
}
def NN_WeightedMeanOp : NN_PureOp<"weighted_mean", [NN_Infer, AllTypesMatch<["values", "weights"]>, NN_Derivative]> {
  let summary = "sum(values * weights) / sum(weights), 0 where the denominator is 0: the normalising loss operation";
  let description = [{
    values [N], weights [N]: `result` and `den` = sum(weights) are scalars. If
    exactly one of these reaches the loss linearly, micro-batches are weighted by
    their `den`.
  }];
  let arguments = (ins NN_FloatTensor:$values, NN_FloatTensor:$weights);
  let results = (outs NN_FloatTensor:$result, NN_FloatTensor:$den);
  let assemblyFormat = "$values `,` $weights attr-dict `:` type($values)";
}
def NN_WeightedMeanGradOp : NN_PureOp<"weighted_mean_grad", [NN_BackwardOnlyOp, NN_Infer, AllTypesMatch<["grad", "den"]>]> {
  let summary = "grad * weights / den, zeros where den is 0";
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$weights, NN_FloatTensor:$den);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $weights `,` $den attr-dict `:` type($grad) `,` type($weights)";
}
