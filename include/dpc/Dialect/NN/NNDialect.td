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
    operation is a few others. What an operation is, is asked through
    interfaces: type inference, differentiation, cost, reference semantics,
    lowering. Parameters are references to byte ranges of files, never bytes.
    Locations are the user's words: names of ONNX nodes.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{ void registerAttributes(); }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

#endif
