// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the dualpipe dialect.
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::dualpipe;

#include "dpc/Dialect/DualPipe/DualPipeDialect.cpp.inc"
#include "dpc/Dialect/DualPipe/DualPipeEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/DualPipe/DualPipeAttrs.cpp.inc"

#define GET_OP_CLASSES
#include "dpc/Dialect/DualPipe/DualPipeOps.cpp.inc"

void DualPipeDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dpc/Dialect/DualPipe/DualPipeAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dpc/Dialect/DualPipe/DualPipeOps.cpp.inc"
      >();
}
