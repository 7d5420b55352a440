// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Work per element is `flops`; polynomial expansions of exp and its like count as 10.
class NN_ElementwiseMethods<int flops> {
  string definition = "int64_t $cppClass::getFlops() { return " # flops # " * getElementCount(getResult()); }\n"
    "::dpc::nn::KernelForm $cppClass::getKernelForm() { return KernelForm::Map; }\n";
}

def NN_ElementwiseGroup : OpDocGroup {
  let summary = "Elementwise operations";
  let description = [{
    One result element from the operands' elements at the same position. Operands
    and result have one shape: nothing broadcasts by itself, `nn.broadcast` does.
    Integers wrap around. Sums, products, quotients and square roots are rounded
    once, to nearest even; exp and its like are expansions, the same ones wherever
    an operation is computed. A derivative is an operation like others.

    ```mlir
    %r = nn.reciprocal %x : tensor<2x3xf32>
    %y = nn.mul %r, %x : tensor<2x3xf32>
    %m = nn.compare gt, %y, %x : tensor<2x3xf32>
    %z = nn.select %m, %x, %y : tensor<2x3xf32>
    ```
  }];
}
let opDocGroup = NN_ElementwiseGroup in {

class NN_UnaryOp<string mnemonic, Type type = NN_FloatTensor, list<Trait> traits = [], int flops = 1>
    : NN_PureOp<mnemonic, !listconcat([SameOperandsAndResultType, NN_ElementwiseOp, NN_Formed], traits)> {
  let arguments = (ins type:$operand);
  let results = (outs type:$result);
  let assemblyFormat = "$operand attr-dict `:` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = NN_ElementwiseMethods<flops>.definition;
}
// Not folded: a constant computed by the compiler's math library would differ in
// its last bits from the one that a kernel's expansion gives.
class NN_MathOp<string mnemonic> : NN_UnaryOp<mnemonic, NN_FloatTensor, [NN_Derivative], 10> {
  let hasFolder = 0;
}
class NN_BinaryOp<string mnemonic, Type type, list<Trait> traits = [], int flops = 1>
    : NN_PureOp<mnemonic, !listconcat([SameOperandsAndResultType, NN_ElementwiseOp, NN_Formed], traits)> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = NN_ElementwiseMethods<flops>.definition;
}

def NN_NegOp : NN_UnaryOp<"neg", NN_NumberTensor, [NN_Derivative]> { let summary = "minus x"; }
def NN_AbsOp : NN_UnaryOp<"abs", NN_NumberTensor, [NN_Derivative]> { let summary = "the absolute value of x; its derivative at 0 is 0"; }
def NN_SignOp : NN_UnaryOp<"sign", NN_NumberTensor, [NN_InactiveOp]> { let summary = "the sign of x: -1, +0 or 1; NaN stays NaN"; }
def NN_FloorOp : NN_UnaryOp<"floor", NN_FloatTensor, [NN_InactiveOp]> { let summary = "the largest integer not above x"; }
def NN_CeilOp : NN_UnaryOp<"ceil", NN_FloatTensor, [NN_InactiveOp]> { let summary = "the smallest integer not below x"; }
def NN_ExpOp : NN_MathOp<"exp"> { let summary = "e to the power of x"; }
def NN_LogOp : NN_MathOp<"log"> { let summary = "the natural logarithm of x"; }
def NN_SqrtOp : NN_UnaryOp<"sqrt", NN_FloatTensor, [NN_Derivative]> { let summary = "the square root of x"; }
def NN_ReciprocalOp : NN_UnaryOp<"reciprocal", NN_FloatTensor, [NN_Derivative]> { let summary = "the reciprocal of x, 1 / x"; }
def NN_TanhOp : NN_MathOp<"tanh"> { let summary = "the hyperbolic tangent of x"; }
def NN_ErfOp : NN_MathOp<"erf"> { let summary = "the error function of x"; }
def NN_SigmoidOp : NN_MathOp<"sigmoid"> { let summary = "the logistic function of x, 1 / (1 + exp(-x))"; }
def NN_ReluOp : NN_UnaryOp<"relu", NN_FloatTensor, [NN_Derivative]> { let summary = "the rectifier: x where x > 0 or x is NaN, else +0; its derivative at 0 is 0"; }
def NN_SinOp : NN_MathOp<"sin"> { let summary = "the sine of x"; }
def NN_CosOp : NN_MathOp<"cos"> { let summary = "the cosine of x"; }
def NN_NotOp : NN_UnaryOp<"not", NN_BoolTensor, [NN_InactiveOp]> { let summary = "logical negation of x"; }

def NN_AddOp : NN_BinaryOp<"add", NN_NumberTensor, [Commutative, NN_Derivative]> { let summary = "the sum a + b"; }
def NN_SubOp : NN_BinaryOp<"sub", NN_NumberTensor, [NN_Derivative]> { let summary = "the difference a - b"; }
def NN_MulOp : NN_BinaryOp<"mul", NN_NumberTensor, [Commutative, NN_Derivative]> { let summary = "the product of a and b"; }
def NN_DivOp : NN_BinaryOp<"div", NN_NumberTensor, [NN_Derivative]> { let summary = "the quotient a / b; integers truncate towards zero"; }
def NN_PowOp : NN_BinaryOp<"pow", NN_FloatTensor, [NN_Derivative], 20> {
  let hasFolder = 0;
  let summary = "a to the power of b";
  let description = [{
    The importer writes constant exponents 2, 3, 0.5, -1 as multiplications, roots
    and reciprocals. The derivative with respect to a is b * a^(b-1), and 0 where b
    is 0; with respect to b it is log(a) * a^b, and 0 where a is 0.

    ```mlir
    %y = nn.pow %a, %b : tensor<2x3xf32>
    ```
  }];
}
def NN_MaxOp : NN_BinaryOp<"max", NN_NumberTensor, [Commutative, NN_Derivative]> { let summary = "the larger one (+0 above -0); NaN if one is NaN; ties give each half of the gradient"; }
def NN_MinOp : NN_BinaryOp<"min", NN_NumberTensor, [Commutative, NN_Derivative]> { let summary = "the smaller one (-0 below +0); NaN if one is NaN; ties give each half of the gradient"; }
def NN_AndOp : NN_BinaryOp<"and", NN_BoolTensor, [Commutative, NN_InactiveOp]> { let summary = "a and b"; }
def NN_OrOp : NN_BinaryOp<"or", NN_BoolTensor, [Commutative, NN_InactiveOp]> { let summary = "a or b"; }
def NN_XorOp : NN_BinaryOp<"xor", NN_BoolTensor, [Commutative, NN_InactiveOp]> { let summary = "a or b, but not both"; }

def NN_CompareOp : NN_PureOp<"compare", [NN_ElementwiseOp, NN_Formed, NN_InactiveOp, SameTypeOperands, NN_Infer]> {
  let summary = "compares a and b; false if one is NaN, but for `ne`";
  let description = [{
    Predicates are `eq`, `ne`, `lt`, `le`, `gt` and `ge`; integers are compared as
    signed ones, `ui16`, `ui8` and `i1` as unsigned ones.

    ```mlir
    %m = nn.compare lt, %a, %b : tensor<4xi64>
    ```
  }];
  let arguments = (ins NN_PredicateAttr:$predicate, NN_Tensor:$lhs, NN_Tensor:$rhs);
  let results = (outs NN_BoolTensor:$result);
  let assemblyFormat = "`` $predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs)";
  let hasFolder = 1;
  let extraClassDefinition = NN_ElementwiseMethods<1>.definition;
}
def NN_IsNanOp : NN_PureOp<"is_nan", [NN_ElementwiseOp, NN_Formed, NN_InactiveOp, NN_Infer]> {
  let summary = "whether x is not a number";
  let hasFolder = 1;
  let arguments = (ins NN_FloatTensor:$operand);
  let results = (outs NN_BoolTensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand)";
  let extraClassDefinition = NN_ElementwiseMethods<1>.definition;
}
def NN_SelectOp : NN_PureOp<"select", [NN_ElementwiseOp, NN_Formed, NN_MovesElementsOp, AllTypesMatch<["on_true", "on_false", "result"]>, TypesMatchWith<"the condition has the result's shape", "result", "condition", "::dpc::nn::getBoolType($_self)">, NN_Derivative]> {
  let summary = "`on_true` where the condition holds, else `on_false`";
  let description = [{
    The gradient goes to `on_true` where the condition holds and to `on_false`
    elsewhere; what was not chosen gets an exact 0, also if it is NaN.

    ```mlir
    %y = nn.select %c, %a, %b : tensor<2x3xf32>
    ```
  }];
  let arguments = (ins NN_BoolTensor:$condition, NN_Tensor:$on_true, NN_Tensor:$on_false);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$condition `,` $on_true `,` $on_false attr-dict `:` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = NN_ElementwiseMethods<1>.definition;
}
def NN_CastOp : NN_PureOp<"cast", [NN_ElementwiseOp, NN_Formed, AllShapesMatch<["operand", "result"]>, NN_Differentiable]> {
  let summary = "the same value in another element type";
  let description = [{
    Floats to integers truncate; a float outside the integer type's range (or NaN)
    has no defined result. Anything to `i1` is x != 0; true is 1. Float to float
    rounds to nearest even. Only casts between floats have a derivative.

    ```mlir
    %h = nn.cast %x : tensor<2x3xf32> to tensor<2x3xbf16>
    ```
  }];
  let arguments = (ins NN_Tensor:$operand);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$operand attr-dict `:` type($operand) `to` type($result)";
  let hasFolder = 1;
  let extraClassDefinition = NN_ElementwiseMethods<1>.definition;
}

} // opDocGroup
