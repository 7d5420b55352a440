// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_CODEGEN_CPU_PASSES_TD
#define DPC_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def CodegenShowKernels : Pass<"codegen-show-kernels", "::mlir::ModuleOp"> {
  let summary = "leave a module's kernels alone, on their way to machine code";
  let description = [{
    For people and tests: what code generation does between nn and LLVM, one kernel
    after the other. `form=linalg` writes each operation as linalg on tensors, which
    fixes its arithmetic; `form=loops` writes each kernel as loops over vectors of
    its buffers. `dpc compile` calls the same functions, without this pass.

    ```mlir
    // dpc-opt --codegen-show-kernels=form=loops
    func.func private @k_halve(%x: tensor<4096xf32>) -> tensor<4096xf32> attributes {dualpipe.kernel} {
      %c = nn.constant dense<0.5> : tensor<4096xf32>
      %y = nn.mul %x, %c : tensor<4096xf32>
      return %y : tensor<4096xf32>
    }
    // becomes
    func.func @k_halve__loops(%arg0: memref<4096xf32>, %arg1: memref<4096xf32>, %arg2: index, %arg3: index) {
      ...
      scf.for %arg4 = %0 to %2 step %c32 {
        %3 = vector.load %arg0[%arg4] : memref<4096xf32>, vector<8xf32>
        %4 = vector.broadcast %cst : f32 to vector<8xf32>
        %5 = arith.mulf %3, %4 : vector<8xf32>
        vector.store %5, %arg1[%arg4] : memref<4096xf32>, vector<8xf32>
        ...
      }
      return
    }
    ```

    Requires: outlined kernels. Ensures: nothing but the kernels is left.
  }];
  let options = [
    Option<"form", "form", "std::string", "\"linalg\"", "linalg or loops">,
    Option<"target", "target", "std::string", "\"cpu\"", "as of dpc compile">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"
  ];
}

#endif
