// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The generated definitions of operations, interfaces and attributes, in one
// file of their own: they are most of the library's compile time and change
// least.
#include "dpc/Dialect/NN/NN.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::nn;

#include "dpc/Dialect/NN/NNEnums.cpp.inc"
#include "dpc/Dialect/NN/NNInterfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/NN/NNAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dpc/Dialect/NN/NNOps.cpp.inc"

void NNDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dpc/Dialect/NN/NNAttrs.cpp.inc"
      >();
}
