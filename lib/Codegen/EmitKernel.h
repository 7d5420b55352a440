// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a kernel in linalg on tensors to its loops. The form is that of the
// operations (KernelFormInterface): rows, columns, or an operation's own loops; what
// reduces nothing is flat, elementwise over the whole, where its reads allow it, and
// rows else.
#ifndef DPC_LIB_CODEGEN_EMITKERNEL_H
#define DPC_LIB_CODEGEN_EMITKERNEL_H

#include "KernelEmitter.h"
#include "dpc/Dialect/NN/NN.h"

namespace dpc::codegen {

/// A kernel's results and where they are written.
struct KernelOutputs {
  llvm::SmallVector<mlir::Value> values;  ///< tensors of the lowered kernel
  llvm::SmallVector<mlir::Value> buffers; ///< flat memrefs
};

/// What the loops need to know of the function they are written into.
struct KernelFrame {
  mlir::func::FuncOp lowered;
  KernelOutputs outputs;
  mlir::Value scratch;    ///< flat memref of f32
  mlir::Value begin, end; ///< the points to compute
};

/// How a kernel is computed, decided before any code is written.
struct KernelForm {
  enum Kind { Flat, Rows, Columns, Loops } kind = Rows;
  int64_t range = 1;                   ///< points
  int64_t rows = 1, inner = 1;         ///< Rows: the space; Flat: 1 and all elements
  int64_t scratch = 0;                 ///< f32 elements of scratch
  llvm::SmallVector<mlir::Value> kept; ///< Rows: values written to scratch and read again
  mlir::Operation *root = nullptr;     ///< Columns: the first reduction; Loops: the operation
};

/// Points of a Flat kernel are tiles of this many elements.
inline constexpr int64_t kFlatTile = 4096;
/// Columns computed by one point of a Columns kernel: this many vectors.
inline constexpr int64_t kColumnVectors = 4;
/// Rows added before their sum is added to the column's total.
inline constexpr int64_t kColumnChunk = 64;

/// `asked` is the form of the kernel's operations.
mlir::FailureOr<KernelForm> chooseForm(mlir::func::FuncOp lowered, nn::KernelForm asked,
                                       int64_t vectorLanes);

mlir::LogicalResult emitFlat(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitRows(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitColumns(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);
mlir::LogicalResult emitLoops(KernelEmitter &e, const KernelForm &form, KernelFrame &frame);

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

#endif // DPC_LIB_CODEGEN_EMITKERNEL_H
