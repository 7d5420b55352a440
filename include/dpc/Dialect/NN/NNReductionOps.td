// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
def NN_ReductionGroup : OpDocGroup {
  let summary = "Reductions";
  let description = [{
    Reductions drop the dimensions they reduce. Their order of addition is a
    function of the operand's shape alone.
  }];
}
let opDocGroup = NN_ReductionGroup in {

class NN_ReduceOp<string mnemonic, list<Trait> traits = [], string declaration = ""> : NN_PureOp<mnemonic, !listconcat([NN_Formed, NN_Infer], traits)> {
  let arguments = (ins NN_NumberTensor:$operand, DenseI64ArrayAttr:$axes);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = "$operand $axes attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let extraClassDeclaration = declaration;
  let extraClassDefinition = "int64_t $cppClass::getFlops() { return getElementCount(getOperand()); }";
}
def NN_ReduceSumOp : NN_ReduceOp<"reduce_sum", [NN_Derivative], "::mlir::Value buildUnrounded(::mlir::OpBuilder &builder);"> {
  let summary = "the sum over the given dimensions";
  let description = [{
    Dimensions are ascending and distinct.

    ```mlir
    %s = nn.reduce_sum %x [0, 2] : tensor<2x3x4xf32> to tensor<3xf32>
    ```
  }];
}
def NN_ReduceMaxOp : NN_ReduceOp<"reduce_max", [NN_Derivative]> {
  let summary = "the largest element over the given dimensions";
  let description = [{
    NaN if one is NaN. Elements that are equal to the largest share its gradient.

    ```mlir
    %m = nn.reduce_max %x [1] : tensor<2x3xf32> to tensor<2xf32>
    ```
  }];
}

def NN_CumSumOp : NN_PureOp<"cumsum", [NN_Formed, SameOperandsAndResultType, NN_Derivative]> {
  let summary = "running sums along one dimension";
  let description = [{
    From the dimension's end if `reverse`; without the own element if `exclusive`.

    ```mlir
    %s = nn.cumsum %x, 1 : tensor<2x3xi64>
    %t = nn.cumsum %x, 0 exclusive reverse : tensor<2x3xi64>
    ```
  }];
  let arguments = (ins NN_NumberTensor:$operand, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = "$operand `,` $axis (`exclusive` $exclusive^)? (`reverse` $reverse^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

} // opDocGroup
