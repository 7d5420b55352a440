// Reductions drop the dimensions they reduce. Their order of addition is a
// function of the operand's shape alone.

class NN_ReduceOp<string mnemonic, list<Trait> traits = []> : NN_PureOp<mnemonic, !listconcat([NN_Infer], traits)> {
  let arguments = (ins NN_NumberTensor:$operand, DenseI64ArrayAttr:$axes);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = "$operand $axes attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = "int64_t $cppClass::getFlops() { return getElementCount(getOperand()); }";
}
def NN_ReduceSumOp : NN_ReduceOp<"reduce_sum", [NN_Derivative]> { let summary = "the sum over the given dimensions (ascending, distinct)"; }
def NN_ReduceMaxOp : NN_ReduceOp<"reduce_max", [NN_Derivative]> { let summary = "the largest element over the given dimensions, NaN if one is NaN; equal ones share the gradient"; }

def NN_CumSumOp : NN_PureOp<"cumsum", [SameOperandsAndResultType, NN_Derivative]> {
  let summary = "running sums along one dimension, from its end if reverse, without the own element if exclusive";
  let arguments = (ins NN_NumberTensor:$operand, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs NN_NumberTensor:$result);
  let assemblyFormat = "$operand `,` $axis (`exclusive` $exclusive^)? (`reverse` $reverse^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
