// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_REFERENCE_REFERENCEINTERFACE_TD
#define DPC_REFERENCE_REFERENCEINTERFACE_TD

include "mlir/IR/OpBase.td"

def ReferenceOpInterface : OpInterface<"ReferenceOpInterface"> {
  let cppNamespace = "::dpc::reference";
  let description = [{
    What an operation means, written the slow and obvious way. Attached from
    outside (lib/Reference), so that dialects do not depend on the interpreter.
  }];
  let methods = [
    InterfaceMethod<[{
      Computes the results of all members of the mesh at once. Results have
      their shapes and are zero; what is written is rounded to the result's type
      by the caller.
    }], "::llvm::LogicalResult", "evaluate",
    (ins "::dpc::reference::Evaluator &":$evaluator,
         "::llvm::MutableArrayRef<::dpc::reference::MemberValues>":$members)>,
    InterfaceMethod<[{
      Makes the float results of `members` those of what `decided` has decided:
      the same operation on operands in the graph's own types. Only operations
      with both float and integer results have something to do.
    }], "void", "follow",
    (ins "::llvm::MutableArrayRef<::dpc::reference::MemberValues>":$members,
         "::llvm::ArrayRef<::dpc::reference::MemberValues>":$decided), "",
    [{ (void)members; (void)decided; }]>
  ];
}

#endif
