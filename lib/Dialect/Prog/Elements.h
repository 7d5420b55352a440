// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element types that devices know.
#ifndef DPC_LIB_DIALECT_PROG_ELEMENTS_H
#define DPC_LIB_DIALECT_PROG_ELEMENTS_H

#include "mlir/IR/Types.h"

namespace dpc::prog {

/// Bytes of one element in memory; 0 for a type that no device knows.
int64_t getElementBytes(mlir::Type type);

inline constexpr llvm::StringLiteral kKnownElements =
    "known are f64, f32, f16, bf16, i64, i32, i8 and i1";

} // namespace dpc::prog

#endif // DPC_LIB_DIALECT_PROG_ELEMENTS_H
