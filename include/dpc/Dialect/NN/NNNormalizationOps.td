// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_NormalizationGroup : OpDocGroup {
  let summary = "Softmax and normalisation";
  let description = [{
    Operations over rows (the last dimension) whose derivative is best written as
    an operation of its own. Sums over a row are added in an order that the row's
    length alone determines.
  }];
}
let opDocGroup = NN_NormalizationGroup in {

class NN_RowOp<string mnemonic, string declaration = ""> : NN_PureOp<mnemonic, [NN_Formed, SameOperandsAndResultType, NN_Derivative]> {
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return 4 * getElementCount(getOperand()); }
  }] # declaration;
}
class NN_RowGradOp<string mnemonic> : NN_PureOp<mnemonic, [NN_Formed, SameOperandsAndResultType, NN_BackwardOnlyOp]> {
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$output);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $output attr-dict `:` type($result)";
  let hasVerifier = 1;
}
def NN_SoftmaxOp : NN_RowOp<"softmax", "Precision getPrecision() { return Precision::AsRead; }"> {
  let summary = "the softmax of each row: exp(x - max) / sum(exp(x - max))";
  let description = [{
    A row in which every element is -inf gives NaN, as in ONNX.

    ```mlir
    %p = nn.softmax %scores : tensor<1x4x16x16xf32>
    ```
  }];
}
def NN_SoftmaxGradOp : NN_RowGradOp<"softmax_grad"> {
  let summary = "the derivative of softmax: y * (g - sum(g * y)), for each row";
  let description = [{
    ```mlir
    %dscores = nn.softmax_grad %g, %p : tensor<1x4x16x16xf32>
    ```
  }];
}
def NN_LogSoftmaxOp : NN_RowOp<"log_softmax"> {
  let summary = "the logarithm of each row's softmax: x - max - log(sum(exp(x - max)))";
  let description = [{
    ```mlir
    %y = nn.log_softmax %logits : tensor<32x64xf32>
    ```
  }];
}
def NN_LogSoftmaxGradOp : NN_RowGradOp<"log_softmax_grad"> {
  let summary = "the derivative of log_softmax: g - exp(y) * sum(g), for each row";
  let description = [{
    ```mlir
    %dlogits = nn.log_softmax_grad %g, %y : tensor<32x64xf32>
    ```
  }];
}

def NN_LayerNormOp : NN_PureOp<"layer_norm", [NN_Formed, NN_Infer, NN_Derivative]> {
  let summary = "each row normalised: (x - mean) / sqrt(variance + epsilon), times scale, plus bias";
  let description = [{
    The variance is the biased one. `mean` and `rstd` (the reciprocal standard
    deviation) have the operand's shape without the last dimension and are f32, and
    so may scale and bias be, also if the rows have fewer bits.
    Its derivative is three operations: `layer_norm_dx`, `layer_norm_dscale` and a
    sum, so that the input half and the weight half each take their own.

    ```mlir
    %y, %mean, %rstd = nn.layer_norm %x, %scale, %bias epsilon 1.0e-05 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$operand, NN_FloatTensor:$scale, Optional<NN_FloatTensor>:$bias, F64Attr:$epsilon);
  let results = (outs NN_FloatTensor:$result, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let assemblyFormat = "$operand `,` $scale (`,` $bias^)? `epsilon` $epsilon attr-dict `:` type($operand) `,` type($scale) (`,` type($bias)^)?";
  let extraClassDeclaration = [{
    int64_t getBackwardFlops() { return 14 * getElementCount(getOperand()); }
    Precision getPrecision() { return Precision::Narrow; }
    bool isNarrowOperand(unsigned operand) { return operand == 0; }
    bool isNarrowResult(unsigned result) { return result == 0; }
  }];
}
def NN_LayerNormDxOp : NN_PureOp<"layer_norm_dx", [NN_Formed, NN_BackwardOnlyOp, AllTypesMatch<["grad", "operand", "result"]>, AllTypesMatch<["mean", "rstd"]>]> {
  let summary = "the derivative of layer_norm with respect to its operand";
  let description = [{
    `rstd * (g * s - mean(g * s) - xhat * mean(g * s * xhat))` for each row, with
    `xhat = (x - mean) * rstd`.

    ```mlir
    %dx = nn.layer_norm_dx %g, %x, %scale, %mean, %rstd : tensor<2x4xf32>, tensor<4xf32>, tensor<2xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$operand, NN_FloatTensor:$scale, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $operand `,` $scale `,` $mean `,` $rstd attr-dict `:` type($result) `,` type($scale) `,` type($mean)";
  let hasVerifier = 1;
}
def NN_LayerNormDscaleOp : NN_PureOp<"layer_norm_dscale", [NN_Formed, NN_BackwardOnlyOp, AllTypesMatch<["grad", "operand"]>, AllTypesMatch<["mean", "rstd"]>]> {
  let summary = "the derivative of layer_norm with respect to its scale";
  let description = [{
    The sum over all rows of `g * (x - mean) * rstd`.

    ```mlir
    %dscale = nn.layer_norm_dscale %g, %x, %mean, %rstd : tensor<2x4xf32>, tensor<2xf32> to tensor<4xf32>
    ```
  }];
  let arguments = (ins NN_FloatTensor:$grad, NN_FloatTensor:$operand, NN_FloatTensor:$mean, NN_FloatTensor:$rstd);
  let results = (outs NN_FloatTensor:$result);
  let assemblyFormat = "$grad `,` $operand `,` $mean `,` $rstd attr-dict `:` type($grad) `,` type($mean) `to` type($result)";
  let hasVerifier = 1;
}

} // opDocGroup
