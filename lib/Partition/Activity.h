// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a value depends on, and whether gradients flow through it. These few facts
// decide which values may cross a cut, which are made again, and which bodies can
// be shared; the graph builder, the outliner and the closing check ask them of
// the same code.
#ifndef DPC_LIB_PARTITION_ACTIVITY_H
#define DPC_LIB_PARTITION_ACTIVITY_H

#include "dpc/Dialect/NN/NN.h"
#include "dpc/Machine/Machine.h"
#include "mlir/IR/Operation.h"

namespace dpc::partition {

/// Facts about a value, from its operands' facts.
struct Dependence {
  bool input = false;   ///< on an input of the graph
  bool trained = false; ///< on a trained parameter
  bool active = false;  ///< differentiably on a trained parameter
  bool frozen = false;  ///< on a parameter that is not trained
  /// On inputs and such a parameter, through a library call: work that nobody
  /// wants to repeat.
  bool frozenWork = false;
};

/// The facts of an operation's results, but for `active`, which needs the result.
Dependence joinOperands(mlir::Operation *op, llvm::function_ref<Dependence(mlir::Value)> lookup);

/// Whether a gradient of this result leads to active operands.
bool isActiveResult(mlir::OpResult result, llvm::function_ref<bool(mlir::Value)> isActive);

/// Whether the operation passes a gradient on to this operand.
bool passesGradient(mlir::OpOperand &operand);

/// Whether a value with these facts may be sent between stages; all other values
/// are made again where they are read.
bool isTransferable(mlir::Value value, const Dependence &dependence);

bool isView(mlir::Operation *op);

/// Work of one operation for one micro-batch.
struct Work {
  int64_t flops = 0, bytes = 0;
  double seconds = 0;
  Work &operator+=(const Work &other) {
    flops += other.flops;
    bytes += other.bytes;
    seconds += other.seconds;
    return *this;
  }
};
Work getForwardWork(mlir::Operation *op, const Machine &machine);
/// Work of the gradients of those operands that need one.
Work getBackwardWork(mlir::Operation *op, const Machine &machine,
                     llvm::function_ref<bool(mlir::Value)> needsGradient);

} // namespace dpc::partition

#endif // DPC_LIB_PARTITION_ACTIVITY_H
