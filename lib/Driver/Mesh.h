// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// --dp and --ep: the axes of the mesh beside pp, on the module's `nn.mesh`, where every
// phase finds them.
#ifndef DPC_LIB_DRIVER_MESH_H
#define DPC_LIB_DRIVER_MESH_H

#include "dpc/Driver/Compile.h"
#include "mlir/IR/BuiltinOps.h"

namespace dpc::driver {

/// Makes the module's mesh and the options agree: what one of them says of an axis holds for
/// both. Returns what is wrong with the request, else "". `hasPrograms`: the module has been
/// lowered, so that its mesh is settled.
std::string settleMesh(mlir::ModuleOp module, CompileOptions &options, bool hasPrograms = false);

/// Ranks of a run beside those of the pipeline: dp times ep.
unsigned replicasOf(const CompileOptions &options);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_MESH_H
