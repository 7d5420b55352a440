// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_NN_NNDIALECT_TD
#define DPC_DIALECT_NN_NNDIALECT_TD

include "mlir/IR/OpBase.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::dpc::nn";
  let summary = "What is computed: pure operations on static tensors";
  let description = [{
    ```
    ONNX file -> nn -> dualpipe (stages) -> prog (a program per rank)
    ```
    Forward and backward in one vocabulary. Every operation is pure and works on
    ranked tensors of static shape; nothing broadcasts by itself (`nn.broadcast`
    does), every reduction drops its dimensions, so the derivative of each
    operation is a few others. Parameters are references to byte ranges of files,
    never bytes. Locations are the user's words: names of ONNX nodes.

    What an operation is, is asked through interfaces (described at the end of this
    page): type inference, differentiation, cost, reference semantics, lowering.
    What is true of it as a whole is a trait:

    - `ElementwiseOp`: one result element from the elements at the same position;
    - `MovesElementsOp`: each result element is an element of an operand or a
      constant;
    - `InactiveOp`: piecewise constant, so that gradients rightly stop;
    - `BackwardOnlyOp`: a derivative, which is not differentiated again: a gradient
      through it is an error, not a zero;
    - `CollectiveOp`: communicates over an axis of the mesh.

    Attributes on other operations: `nn.mesh` (a dictionary of axis sizes) on the
    module; `nn.weighting` and `nn.bounds` (by input: the `minimum` of its integers,
    and values that are `ignored`) on `@forward`; `nn.name` (the graph input's name)
    and `nn.limit` (integers are below it) on its arguments; `nn.pipeline_stage` on an
    operation that the model's author gave a stage.
  }];
  let dependentDialects = ["::dpc::library::LibraryDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{ void registerAttributes(); }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif
