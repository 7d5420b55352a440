// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One function of a body, made ready to be computed over terms many times.
//
// This is the meaning of the function: values are terms, a result is what the operation
// makes of its operands, and no storage is shared. Where a kernel works in place or an
// accumulator is added to is only a matter of which buffer the result stands in.
#ifndef DPC_LIB_PROOF_BODYCODE_H
#define DPC_LIB_PROOF_BODYCODE_H

#include "Sites.h"
#include "Words.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"

namespace dpc::proof {

struct BodyCode {
  struct Role {
    dualpipe::RoleKind kind;
    unsigned index;
    unsigned value; ///< its number
    uint64_t bytes;
  };
  struct Result {
    unsigned value, output;
    uint64_t bytes;
  };
  struct Operation {
    enum Kind : uint8_t { Apply, Collective, Constant } kind = Apply;
    dpcrt::fb::CollectiveKind collective = dpcrt::fb::CollectiveKind::AllReduce;
    Function function = 0;
    Term constant = 0;
    llvm::SmallVector<unsigned, 4> operands;
    llvm::SmallVector<Result, 2> results;
    mlir::Operation *op = nullptr;
  };

  mlir::func::FuncOp function;
  std::vector<Role> arguments, results;
  std::vector<Operation> operations;
  unsigned values = 0;
};

/// Fails with a diagnostic at an operation that the kernels phase should have left in no
/// body.
mlir::FailureOr<BodyCode> readBody(mlir::func::FuncOp function, Words &words);

/// Computes the function on all ep ranks at once. `arguments[e]` and `results[e]` are in
/// the order of the code's.
void compute(const BodyCode &code, Terms &terms, Site site,
             const std::vector<std::vector<Term>> &arguments,
             std::vector<std::vector<Term>> &results);

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_BODYCODE_H
