// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the library dialect.
#include "dpc/Dialect/Library/Library.h"

#include "program/format/LibraryFunction.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dpc::library;

#include "dpc/Dialect/Library/LibraryAttrInterfaces.cpp.inc"
#include "dpc/Dialect/Library/LibraryDialect.cpp.inc"
#include "dpc/Dialect/Library/LibraryEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/Library/LibraryAttrs.cpp.inc"

void LibraryDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dpc/Dialect/Library/LibraryAttrs.cpp.inc"
      >();
}

int64_t dpc::library::getWideningBytes(ArrayRef<Type> tensors) {
  int64_t bytes = 0;
  for (Type type : tensors)
    if (auto tensor = cast<RankedTensorType>(type);
        tensor.getElementType().isBF16() || tensor.getElementType().isF16())
      bytes += dpcrt::widenedBytes(tensor.getNumElements());
  return bytes;
}
