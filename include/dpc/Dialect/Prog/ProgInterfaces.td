// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_PROG_PROGINTERFACES_TD
#define DPC_DIALECT_PROG_PROGINTERFACES_TD

include "mlir/IR/OpBase.td"

def Prog_CommandOpInterface : OpInterface<"CommandOpInterface"> {
  let cppNamespace = "::dpc::prog";
  let description = [{
    A command: what it waits for, when it is done, which slots it touches and how.
    Lowering orders conflicting accesses by these answers alone.
  }];
  let methods = [
    InterfaceMethod<"Events it waits for before it acts.", "::llvm::SmallVector<::mlir::Value>", "getWaits", (ins)>,
    InterfaceMethod<"Takes out waits; asked once of each operand that is one.", "void", "dropWaits",
      (ins "::llvm::function_ref<bool(::mlir::OpOperand &)>":$isDropped)>,
    InterfaceMethod<"Its stream; a run has those of its block.", "std::optional<::dpc::prog::StreamKind>",
      "getStreamKind", (ins), "", [{ return $_op.getStream(); }]>,
    InterfaceMethod<"The event that fires when it has ended.", "::mlir::Value", "getDoneEvent", (ins)>,
    InterfaceMethod<"Slots it touches, and how.",
      "::llvm::SmallVector<std::pair<::mlir::Value, ::dpc::prog::Access>>", "getAccesses", (ins)>
  ];
}

#endif
