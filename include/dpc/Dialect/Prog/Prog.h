// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The prog dialect: what one rank does. See ProgDialect.td for the idea,
// ProgOps.td for programs, blocks and commands, and runtime/program/format/Program.fbs
// for the executed form.
#ifndef DPC_DIALECT_PROG_PROG_H
#define DPC_DIALECT_PROG_PROG_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dpc/Dialect/Library/Library.h"

#include "dpc/Dialect/Prog/ProgDialect.h.inc"
#include "dpc/Dialect/Prog/ProgEnums.h.inc"
#include "dpc/Dialect/Prog/ProgInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/Prog/ProgAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dpc/Dialect/Prog/ProgTypes.h.inc"

#define GET_OP_CLASSES
#include "dpc/Dialect/Prog/ProgOps.h.inc"

#endif // DPC_DIALECT_PROG_PROG_H
