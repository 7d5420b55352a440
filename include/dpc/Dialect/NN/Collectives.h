// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What communication inside a stage costs and which form of it runs.
//
// A transport moves whole contiguous parts, one per member. That is a collective
// along dimension 0; along another dimension the parts are strided, so the kernels
// phase puts transposes around it. Everything behind that phase sees the contiguous
// form only.
#ifndef DPC_DIALECT_NN_COLLECTIVES_H
#define DPC_DIALECT_NN_COLLECTIVES_H

#include "dpc/Dialect/NN/NN.h"

namespace dpc::nn {

bool isCollective(mlir::Operation *op);

/// The axis of the mesh over which a collective communicates.
llvm::StringRef getGroup(mlir::Operation *collective);

/// Members of the collective's group; 1 where no module says a size.
int64_t getMembers(mlir::Operation *collective);

/// What one member puts on its link: bytes, in rounds that each wait for the one
/// before.
struct Traffic {
  int64_t rounds = 0;
  double bytes = 0;
};
/// The ways in which a collective can be carried out, of which the transport takes
/// the fastest; none for a group of one.
llvm::SmallVector<Traffic, 2> getTraffic(mlir::Operation *collective);
/// Of an all-reduce of `bytes` among `members`.
llvm::SmallVector<Traffic, 2> getAllReduceTraffic(int64_t members, double bytes);

/// Fails with an error where ranks cannot carry the collective out: over an axis
/// along which none are placed, or of a size that the module does not say.
llvm::LogicalResult verifyPlacement(mlir::Operation *collective);

/// Whether the members' parts are contiguous in memory.
bool isContiguous(mlir::Operation *collective);

/// Puts transposes around a collective whose parts are not contiguous, or reshapes
/// where they are under another shape. The operation is replaced.
void makeContiguous(mlir::Operation *collective);

} // namespace dpc::nn

#endif // DPC_DIALECT_NN_COLLECTIVES_H
