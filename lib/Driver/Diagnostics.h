// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Diagnostics in the user's words: `error: node 'h.0/MatMul': ...`, notes below.
#ifndef DPC_LIB_DRIVER_DIAGNOSTICS_H
#define DPC_LIB_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"

#include <iosfwd>

namespace dpc::driver {

/// Prints what a context emits, and counts errors: any of them fails a compile,
/// whatever the pass returned.
class Diagnostics {
public:
  Diagnostics(mlir::MLIRContext *context, std::ostream &err);
  unsigned errors() const { return count; }

private:
  void print(mlir::Diagnostic &diagnostic);
  std::ostream &err;
  unsigned count = 0;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_DIAGNOSTICS_H
