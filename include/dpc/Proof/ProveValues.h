// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The proof that the programs of all ranks compute what the bodies say.
//
// The programs are executed over terms, that is over descriptions of how bytes came about
// instead of bytes, and every loss, gradient, moment and weight must have come about
// exactly as the bodies, the stages and the schedule's rows define it: each micro-batch
// once, of its own inputs and stashes, every contribution in its order, every holder of a
// parameter counted. docs/ProgramFormat.md says what is proved and what is not.
#ifndef DPC_PROOF_PROVEVALUES_H
#define DPC_PROOF_PROVEVALUES_H

#include "program/format/Program.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>

namespace dpc::proof {

/// What was looked at, for summaries.
struct ValueReport {
  uint64_t commands = 0; ///< carried out, over all ranks and micro-batches
  uint64_t terms = 0;
  uint64_t values = 0; ///< losses, gradients, moments and weights compared
};

/// One entry point's definition, against which any number of program sets are held.
class ValueProof {
public:
  /// `module` must outlive the proof.
  explicit ValueProof(mlir::ModuleOp module);
  ~ValueProof();

  /// Computes what the entry point of this name is to compute. Once, before any check.
  mlir::LogicalResult define(llvm::StringRef entry);
  /// See proveValues.
  mlir::LogicalResult check(llvm::ArrayRef<const dpcrt::fb::Program *> programs,
                            llvm::StringRef constants, ValueReport *report = nullptr);

private:
  class Implementation;
  std::unique_ptr<Implementation> implementation;
};

/// `module` has bodies whose functions are commands (the kernels phase), stages and a
/// schedule. `programs`: of one entry point, one per coordinate of pp in ascending order,
/// accepted by dpcrt::checkPrograms. `constants`: the content of the constants file that
/// they refer to. Differences are diagnostics on the module, at most ten.
mlir::LogicalResult proveValues(mlir::ModuleOp module,
                                llvm::ArrayRef<const dpcrt::fb::Program *> programs,
                                llvm::StringRef constants, ValueReport *report = nullptr);

} // namespace dpc::proof

#endif // DPC_PROOF_PROVEVALUES_H
