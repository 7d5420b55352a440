// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
let opDocGroup = NN_LibraryGroup in {

// How the window slides, in numbers for each spatial dimension.
defvar NN_Window = (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
  DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high, I64Attr:$groups);
defvar NN_WindowFormat = "`strides` $strides `dilations` $dilations `low` $low `high` $high `groups` $groups attr-dict";

class NN_ConvolutionOp<string mnemonic, dag operands, list<Trait> traits, list<string> library = [], string declaration = "">
    : NN_PureOp<mnemonic, !listconcat(traits, [NN_Formed, DeclareOpInterfaceMethods<NN_LibraryOpInterface, library>])> {
  let arguments = !con(operands, NN_Window);
  let results = (outs NN_FloatTensor:$result);
  let hasFolder = 1;
  let extraClassDeclaration = [{
    bool isLibraryCall() { return isLibraryElement(::mlir::getElementTypeOrSelf((*this)->getOperand(0).getType())); }
    Precision getPrecision() { return Precision::Narrow; }
    ::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);
    Convolution getConvolution();
  }] # declaration;
}

def NN_ConvOp : NN_ConvolutionOp<"conv", (ins NN_FloatTensor:$operand, NN_FloatTensor:$weight), [NN_Infer, NN_Derivative], [],
    "static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual);"> {
  let summary = "a convolution over one or two spatial dimensions";
  let description = [{
    `operand` is [batch, channels, spatial...], `weight` [output channels, channels
    of a group, kernel...], the result [batch, output channels, spatial...]. Both
    kinds of channels are divided into `groups`, and each group is convolved by
    itself. Of spatial dimension i, the window has `kernel[i]` elements which lie
    `dilations[i]` apart, moves by `strides[i]`, and reads zeros from `low[i]`
    elements before the operand to `high[i]` behind it; both are less than the
    window, so that no window begins or ends wholly outside. The kernel is not
    reversed (it is a correlation, as in ONNX).

    A bias is an addition of its own, which the kernel that reads the result takes
    in.

    ```mlir
    %y = nn.conv %x, %w strides [2, 2] dilations [1, 1] low [3, 3] high [3, 3] groups 1 : tensor<4x3x64x64xf32>, tensor<64x3x7x7xf32> to tensor<4x64x32x32xf32>
    %z = nn.conv %s, %v strides [1] dilations [1] low [1] high [1] groups 2 : tensor<1x80x30xf32>, tensor<64x40x3xf32> to tensor<1x64x30xf32>
    ```
  }];
  let assemblyFormat = "$operand `,` $weight " # NN_WindowFormat # " `:` type($operand) `,` type($weight) `to` type($result)";
}
def NN_ConvInputGradOp : NN_ConvolutionOp<"conv_input_grad", (ins NN_FloatTensor:$grad, NN_FloatTensor:$weight), [NN_BackwardOnlyOp]> {
  let summary = "the derivative of conv with respect to its operand";
  let description = [{
    The gradient of the convolution's result against its weight: what the operand of
    a convolution with these numbers gets. Its type cannot be derived from the
    others', because a stride may pass over elements at its end.

    ```mlir
    %dx = nn.conv_input_grad %g, %w strides [2, 2] dilations [1, 1] low [3, 3] high [3, 3] groups 1 : tensor<4x64x32x32xf32>, tensor<64x3x7x7xf32> to tensor<4x3x64x64xf32>
    ```
  }];
  let assemblyFormat = "$grad `,` $weight " # NN_WindowFormat # " `:` type($grad) `,` type($weight) `to` type($result)";
  let hasVerifier = 1;
}
def NN_ConvWeightGradOp : NN_ConvolutionOp<"conv_weight_grad",
    (ins NN_FloatTensor:$operand, NN_FloatTensor:$grad, Optional<NN_FloatTensor>:$accumulator), [NN_BackwardOnlyOp],
    ["canAccumulate", "setAccumulator"]> {
  let summary = "the derivative of conv with respect to its weight";
  let description = [{
    The convolution's operand against the gradient of its result, summed over the
    batch. An `into` operand is added to it, as in `nn.matmul`: it shares its buffer
    with the result and must not be used afterwards.

    ```mlir
    %dw = nn.conv_weight_grad %x, %g strides [2, 2] dilations [1, 1] low [3, 3] high [3, 3] groups 1 : tensor<4x3x64x64xf32>, tensor<4x64x32x32xf32> to tensor<64x3x7x7xf32>
    %sum = nn.conv_weight_grad %x, %g into %accumulator strides [2, 2] dilations [1, 1] low [3, 3] high [3, 3] groups 1 : tensor<4x3x64x64xf32>, tensor<4x64x32x32xf32>, tensor<64x3x7x7xf32> to tensor<64x3x7x7xf32>
    ```
  }];
  let assemblyFormat = "$operand `,` $grad (`into` $accumulator^)? " # NN_WindowFormat
    # " `:` type($operand) `,` type($grad) (`,` type($accumulator)^)? `to` type($result)";
  let hasVerifier = 1;
}

} // opDocGroup
