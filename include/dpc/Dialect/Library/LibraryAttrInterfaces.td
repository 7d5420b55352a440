// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_LIBRARY_LIBRARYATTRINTERFACES_TD
#define DPC_DIALECT_LIBRARY_LIBRARYATTRINTERFACES_TD

include "mlir/IR/OpBase.td"

def Library_FunctionAttrInterface : AttrInterface<"FunctionAttrInterface"> {
  let cppNamespace = "::dpc::library";
  let description = [{
    What a library computes: a function with all that shapes decide. It is made by
    an nn operation (`LibraryOpInterface`), carried by `prog.call`, and written into
    the program file. Which elements a function takes, and what makes a description
    a legal one, is said once, where every program is checked:
    runtime/program/format/LibraryFunction.h.
  }];
  let methods = [
    InterfaceMethod<"Whether the result is added to what the destination holds.", "bool", "getAccumulate", (ins)>,
    InterfaceMethod<"How many operands are read; the destination follows them, and after it workspace, if there is some.",
      "unsigned", "getNumSources", (ins)>,
    InterfaceMethod<"The function's table of the program format.", "void", "pack",
      (ins "::dpcrt::fb::LibraryFunctionUnion &":$function)>
  ];
}

#endif
