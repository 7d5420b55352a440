// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element types of files as types of MLIR.
#ifndef DPC_DIALECT_NN_ELEMENT_H
#define DPC_DIALECT_NN_ELEMENT_H

#include "program/format/Element.h"

#include "mlir/IR/Operation.h"
#include "mlir/IR/Types.h"

namespace dpc::nn {

/// Signed integers are without a sign in MLIR, booleans are i1.
mlir::Type getType(dpcrt::Element element, mlir::MLIRContext *context);

/// Nothing for a type that no file has.
std::optional<dpcrt::Element> getElement(mlir::Type type);

/// Bits of an element of an operation's first operand: what a product is made of.
unsigned getOperandBits(mlir::Operation &op);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_ELEMENT_H
