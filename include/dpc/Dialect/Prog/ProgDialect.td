// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef DPC_DIALECT_PROG_PROGDIALECT_TD
#define DPC_DIALECT_PROG_PROGDIALECT_TD

include "mlir/IR/OpBase.td"

def Prog_Dialect : Dialect {
  let name = "prog";
  let cppNamespace = "::dpc::prog";
  let summary = "What one rank does";
  let description = [{
    ```
    dualpipe (stages, schedule) -> prog (a program per rank) -> FlatBuffer
    ```
    A program holds arenas, blocks and an order. Memory is a slot: a byte range of
    an arena. Time is an event: an SSA value that a command yields and later
    commands wait for. A command belongs to a stream; commands of one stream run
    one after the other. A block is the command list of one task, run many times
    with other slots. There are no branches: what varies by step lies in the step
    record. The FlatBuffer form (runtime/program) holds the same, one to one; it is
    that form which is checked and executed.
  }];
  let dependentDialects = ["::dpc::library::LibraryDialect"];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif
