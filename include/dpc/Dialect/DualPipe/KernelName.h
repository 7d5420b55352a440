// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What kernels are called.
#ifndef DPC_DIALECT_DUALPIPE_KERNELNAME_H
#define DPC_DIALECT_DUALPIPE_KERNELNAME_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dpc::dualpipe {

/// The name of a kernel: `k_` and the hash of its text without name, locations and
/// visibility.
std::string getKernelName(mlir::func::FuncOp kernel);

} // namespace dpc::dualpipe

#endif // DPC_DIALECT_DUALPIPE_KERNELNAME_H
