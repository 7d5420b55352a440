// Operations over rows (the last dimension) whose derivative is best written as
// an operation of its own.

class NN_RowOp<string mnemonic> : NN_PureOp<mnemonic, [SameOperandsAndResultType, NN_Derivative]> {
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return 4 * getElementCount(getOperand()); }
  }];
}
class NN_RowGradOp<string mnemonic> : NN_PureOp<mnemonic, [SameOperandsAndResultType, NN_BackwardOnlyOp]> {
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$output);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $output attr-dict `:` type($result)";
  let hasVerifier = 1;
}
def NN_SoftmaxOp : NN_RowOp<"softmax"> {
  let summary = "exp(x - max) / sum(exp(x - max)) over the last dimension";
  let description = "A row in which every element is -inf gives NaN, as in ONNX.";
}
def NN_SoftmaxGradOp : NN_RowGradOp<"softmax_grad"> { let summary = "y * (g - sum(g * y)) over the last dimension"; }
def NN_LogSoftmaxOp : NN_RowOp<"log_softmax"> { let summary = "x - max - log(sum(exp(x - max))) over the last dimension"; }
def NN_LogSoftmaxGradOp : NN_RowGradOp<"log_softmax_grad"> { let summary = "g - exp(y) * sum(g) over the last dimension"; }

def NN_LayerNormOp : NN_PureOp<"layer_norm", [NN_Infer, NN_Derivative]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) over the last dimension, times scale, plus bias";
  let description = [{
    The variance is the biased one. `mean` and `rstd` (the reciprocal standard
    deviation) have the operand's shape without the last dimension and are f32.
    Its derivative is three operations: `layer_norm_dx`, `layer_norm_dscale` and a sum.
  }];
  let arguments = (ins NN_FloatTensor:$operand, NN_FloatTensor:$scale, Optional<NN_FloatTensor>:$bias, F64Attr:$epsilon);
  let results = (outs NN_FloatTensor:$result, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let assemblyFormat = "$operand `,` $scale (`,` $bias^)? `epsilon` $epsilon attr-dict `:` type($operand) `,` type($scale) (`,` type($bias)^)?";
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return 14 * getElementCount(getOperand()); }
  }];
}
def NN_LayerNormDxOp : NN_PureOp<"layer_norm_dx", [NN_BackwardOnlyOp, AllTypesMatch<["grad", "operand", "result"]>, AllTypesMatch<["mean", "rstd"]>]> {
  let summary = "rstd * (g*s - mean(g*s) - xhat * mean(g*s*xhat)), xhat = (x - mean) * rstd";
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$operand, NN_FloatTensor:$scale, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $operand `,` $scale `,` $mean `,` $rstd attr-dict `:` type($result) `,` type($scale) `,` type($mean)";
  let hasVerifier = 1;
}
def NN_LayerNormDscaleOp : NN_PureOp<"layer_norm_dscale", [NN_BackwardOnlyOp, AllTypesMatch<["grad", "operand"]>, AllTypesMatch<["mean", "rstd"]>]> {
  let summary = "the sum over all rows of g * (x - mean) * rstd";
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$operand, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $operand `,` $mean `,` $rstd attr-dict `:` type($grad) `,` type($mean) `to` type($result)";
  let hasVerifier = 1;
}
