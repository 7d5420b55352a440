// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_DUALPIPE_DUALPIPEDIALECT_TD
#define DPC_DIALECT_DUALPIPE_DUALPIPEDIALECT_TD

include "mlir/IR/OpBase.td"

def DualPipe_Dialect : Dialect {
  let name = "dualpipe";
  let cppNamespace = "::dpc::dualpipe";
  let summary = "Where and when: bodies, stages, and the schedule";
  let description = [{
    ```
    nn -> dualpipe -> prog
    ```
    A *body* is what a stage computes, shared by all stages that compute the same;
    a *stage* binds a body to its parameters and to the stages and inputs it reads
    from; the *schedule* says which rank does which task when. After
    differentiation a body has four functions: forward (F), input half (I) and
    weight half (W), and evaluation, a forward that keeps nothing. What each argument and result of these functions is, is its
    *role* (`#dualpipe.role`), so that slots, lifetimes and messages follow from
    the signatures alone.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::dpc::nn::NNDialect", "::mlir::func::FuncDialect"];
}

#endif
