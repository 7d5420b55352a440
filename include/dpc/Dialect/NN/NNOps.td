// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_NN_NNOPS_TD
#define DPC_DIALECT_NN_NNOPS_TD

include "dpc/Dialect/NN/NNAttrs.td"
include "dpc/Dialect/NN/NNDialect.td"
include "dpc/Dialect/NN/NNInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def NN_FloatTensor : StaticShapeTensorOf<[F32, F64, F16, BF16]>;
def NN_IndexTensor : StaticShapeTensorOf<[I64, I32]>;
def NN_BoolTensor : StaticShapeTensorOf<[I1]>;
def NN_NumberTensor : StaticShapeTensorOf<[F32, F64, F16, BF16, I64, I32]>;
def NN_Tensor : StaticShapeTensorOf<[F32, F64, F16, BF16, I64, I32, I<16>, UI<16>, I<8>, UI<8>, I1]>;

class NN_Op<string mnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic, !listconcat(traits, [DeclareOpInterfaceMethods<NN_CostOpInterface>,
        DeclareOpInterfaceMethods<NN_PrecisionOpInterface>])>;
// Derivatives are asked for below; a derivative itself is not differentiated
// again: its gradient is an error, not a zero.
def NN_BackwardOnlyOp : NativeOpTrait<"BackwardOnlyOp"> {
  let cppNamespace = "::dpc::nn";
}
class NN_PureOp<string mnemonic, list<Trait> traits = []> : NN_Op<mnemonic, !listconcat([Pure], traits)>;
defvar NN_Differentiable = DeclareOpInterfaceMethods<NN_DifferentiableOpInterface, ["isDifferentiableOperand"]>;
defvar NN_Derivative = DeclareOpInterfaceMethods<NN_DifferentiableOpInterface>;
defvar NN_Indexing = DeclareOpInterfaceMethods<NN_IndexingOpInterface>;
defvar NN_Formed = DeclareOpInterfaceMethods<NN_KernelFormInterface>;
defvar NN_Infer = DeclareOpInterfaceMethods<InferTypeOpInterface>;

include "dpc/Dialect/NN/NNModelOps.td"
include "dpc/Dialect/NN/NNElementwiseOps.td"
include "dpc/Dialect/NN/NNShapeOps.td"
include "dpc/Dialect/NN/NNReductionOps.td"
include "dpc/Dialect/NN/NNMatmulOps.td"
include "dpc/Dialect/NN/NNConvolutionOps.td"
include "dpc/Dialect/NN/NNIndexingOps.td"
include "dpc/Dialect/NN/NNNormalizationOps.td"
include "dpc/Dialect/NN/NNLossOps.td"
include "dpc/Dialect/NN/NNCollectiveOps.td"

#endif
