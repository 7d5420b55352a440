// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters of which each member of an axis has values of its own: an expert's
// weights. The type of such a parameter is one member's, the stored tensor (file,
// checkpoint, dump) has one leading dimension more, that of the members. Its
// gradient is not summed over them.
//
//   nn.parameter @experts : tensor<64x128xf32> trained = #nn.init<normal, 1, 0.02 : f64>
//   {nn.sharded = "ep"}
#ifndef DPC_DIALECT_NN_SHARDING_H
#define DPC_DIALECT_NN_SHARDING_H

#include "dpc/Dialect/NN/NN.h"

namespace dpc::nn {

/// Whether members have values of their own. Without a mesh, or in one where the
/// axis has a single member, there is nothing to tell apart.
bool isSharded(ParameterOp parameter);

/// The type of all members' values as they are trained and kept (the master's): with
/// the leading dimension if the parameter is sharded.
mlir::RankedTensorType getKeptType(ParameterOp parameter);

/// The same as it is in the parameter's source.
mlir::RankedTensorType getStoredType(ParameterOp parameter);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_SHARDING_H
