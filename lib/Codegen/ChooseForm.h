// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How a kernel in linalg on tensors is computed, whatever the target. The form is that of
// the operations (KernelFormInterface): rows, columns, or an operation's own loops; what
// reduces nothing is flat, elementwise over the whole, where its reads allow it, and
// rows else.
#ifndef DPC_LIB_CODEGEN_CHOOSEFORM_H
#define DPC_LIB_CODEGEN_CHOOSEFORM_H

#include "dpc/Dialect/NN/NN.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace dpc::codegen {

struct KernelForm {
  enum Kind { Flat, Rows, Columns, Loops } kind = Rows;
  int64_t rows = 1, inner = 1;         ///< Rows: the space; Flat: 1 and all elements
  int64_t scratch = 0;                 ///< f32 elements of scratch
  llvm::SmallVector<mlir::Value> kept; ///< Rows: values written to scratch and read again
  mlir::Operation *root = nullptr;     ///< Columns: the first reduction; Loops: the operation

  /// Whether a value has an element for each of the space, not one for each row.
  bool isFull(mlir::Value value) const;
};

/// `asked` is the form of the kernel's operations.
mlir::FailureOr<KernelForm> chooseForm(mlir::func::FuncOp lowered, nn::KernelForm asked);

/// Reductions between a value and the start of its row: 0 for what depends on no
/// reduction, one more than its input's for a reduction.
class Depths {
public:
  int64_t of(mlir::Value tensor);

private:
  llvm::DenseMap<mlir::Value, int64_t> known;
};

/// Every operation that `outputs` depend on, each before its users.
llvm::SmallVector<mlir::Operation *> getReached(mlir::ValueRange outputs);
/// The kernel's results.
llvm::SmallVector<mlir::Value> getOutputs(mlir::func::FuncOp lowered);

} // namespace dpc::codegen

#endif // DPC_LIB_CODEGEN_CHOOSEFORM_H
