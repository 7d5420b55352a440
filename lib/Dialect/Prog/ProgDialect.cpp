// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the prog dialect.
#include "dpc/Dialect/Prog/Prog.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::prog;

#include "dpc/Dialect/Prog/ProgDialect.cpp.inc"
#include "dpc/Dialect/Prog/ProgEnums.cpp.inc"
#include "dpc/Dialect/Prog/ProgInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/Prog/ProgAttrs.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dpc/Dialect/Prog/ProgTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dpc/Dialect/Prog/ProgOps.cpp.inc"

void ProgDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dpc/Dialect/Prog/ProgAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dpc/Dialect/Prog/ProgTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dpc/Dialect/Prog/ProgOps.cpp.inc"
      >();
}
