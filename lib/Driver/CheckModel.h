// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What `dpc check` promises: that compile would succeed.
#ifndef DPC_LIB_DRIVER_CHECKMODEL_H
#define DPC_LIB_DRIVER_CHECKMODEL_H

#include "dpc/Driver/Compile.h"

namespace dpc::driver {

/// Runs the phases on an imported module as compile does, for one rank up to what is
/// left to generate machine code for, and for as many ranks as there can be stages up
/// to the kernels. Returns that number; errors have been emitted in the context.
mlir::FailureOr<unsigned> checkPhases(mlir::ModuleOp module, CompileOptions options);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_CHECKMODEL_H
