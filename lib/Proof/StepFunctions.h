// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of a step that no body has, as functions of terms: each is written in nn,
// once, and called by its content like all others. What they compute is the optimizer's
// and the norm's definition (dpc/Optimizer/Update.h) and a few sums.
#ifndef DPC_LIB_PROOF_STEPFUNCTIONS_H
#define DPC_LIB_PROOF_STEPFUNCTIONS_H

#include "Words.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "program/format/Optimizers.h"

#include "mlir/IR/OwningOpRef.h"

#include <tuple>

namespace dpc::proof {

class StepFunctions {
public:
  StepFunctions(mlir::ModuleOp module, Words &words)
      : words(words), kernels(mlir::ModuleOp::create(module.getLoc())) {}

  /// (values...) -> their sum, element by element, from the first to the last. Result 0
  /// stands behind the values.
  Function sum(unsigned count, mlir::RankedTensorType type);
  /// (den of each micro-batch) -> their sum.
  Function total(int64_t count);
  /// (loss of each micro-batch, and fault where `hasFaults`) -> 1 where one is not finite, or
  /// a fault.
  Function flag(int64_t count, bool hasFaults);
  /// As their builders in dpc/Optimizer/Update.h.
  Function finalize(llvm::StringRef weighting, int64_t mirrors);
  /// As in dpc/Optimizer/MirrorHash.h, of launches that act only where mirrors are compared.
  Function rowHashes(int64_t rows, int64_t length, mlir::Type word);
  Function hashTotal(int64_t count);
  Function mirrorDigits(unsigned bits, int64_t times);
  Function update(const dpcrt::Optimizer &optimizer, mlir::RankedTensorType type,
                  mlir::Type computed);
  Function blockSquares(int64_t blocks, int64_t length, mlir::Type element, int64_t counters);
  Function runningSum(int64_t count);

private:
  // What a function is made from: its name here, types and numbers.
  using Key = std::tuple<llvm::StringRef, const void *, const void *, int64_t, int64_t, int64_t>;
  Function find(const Key &key, llvm::function_ref<mlir::func::FuncOp(mlir::ModuleOp)> build,
                bool comparesMirrors = false);

  Words &words;
  mlir::OwningOpRef<mlir::ModuleOp> kernels;
  std::map<Key, Function> known;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_STEPFUNCTIONS_H
