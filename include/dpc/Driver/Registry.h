// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one list of dpc's dialects and passes, shared by all tools.
#ifndef DPC_DRIVER_REGISTRY_H
#define DPC_DRIVER_REGISTRY_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace dpc {

/// Adds dpc's dialects, the upstream dialects that kernels are lowered to, and
/// the interfaces that are attached from outside (external models).
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers dpc's passes and pipelines, and the upstream passes that are useful
/// beside them.
void registerAllPasses();

} // namespace dpc

#endif // DPC_DRIVER_REGISTRY_H
