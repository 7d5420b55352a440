// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library dialect: what libraries are asked to compute. See LibraryAttrs.td for the
// functions and LibraryAttrInterfaces.td for what each says of itself.
#ifndef DPC_DIALECT_LIBRARY_LIBRARY_H
#define DPC_DIALECT_LIBRARY_LIBRARY_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

namespace dpcrt::fb {
struct LibraryFunctionUnion;
}

namespace dpc::library {

/// Bytes of the workspace in which a library that computes in f32 is handed copies of
/// these values: those of tensors of 16-bit floats, each in whole cache lines.
int64_t getWideningBytes(llvm::ArrayRef<mlir::Type> tensors);

} // namespace dpc::library

#include "dpc/Dialect/Library/LibraryAttrInterfaces.h.inc"
#include "dpc/Dialect/Library/LibraryDialect.h.inc"
#include "dpc/Dialect/Library/LibraryEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dpc/Dialect/Library/LibraryAttrs.h.inc"

#endif // DPC_DIALECT_LIBRARY_LIBRARY_H
