// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lists of replicas: the ranks at one coordinate of pp, numbered by their others.
#ifndef DPC_LIB_DIALECT_PROG_REPLICAS_H
#define DPC_LIB_DIALECT_PROG_REPLICAS_H

#include "dpc/Dialect/Prog/Prog.h"

namespace dpc::prog {

/// Whether an operation that is `for` these, or for all, names some, each once, ascending.
llvm::LogicalResult verifyReplicas(mlir::Operation *op,
                                   std::optional<llvm::ArrayRef<int64_t>> replicas);

} // namespace dpc::prog

#endif // DPC_LIB_DIALECT_PROG_REPLICAS_H
