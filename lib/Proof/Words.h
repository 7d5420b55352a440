// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What programs and bodies call by one name.
//
// A kernel is its content: two symbols whose functions say the same are one kernel, and
// one whose text was changed is another. A library call is its description with the
// types of its operands, a constant its bytes.
#ifndef DPC_LIB_PROOF_WORDS_H
#define DPC_LIB_PROOF_WORDS_H

#include "Terms.h"

#include "dpc/Dialect/NN/NN.h"
#include "program/format/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <optional>

namespace dpc::proof {

class Words {
public:
  Words(mlir::ModuleOp module, Terms &terms);

  Function kernel(mlir::func::FuncOp kernel);
  /// The kernel of this name in the module; null if there is none.
  mlir::func::FuncOp find(llvm::StringRef symbol) {
    return symbols.lookup<mlir::func::FuncOp>(symbol);
  }
  /// Of a program's declaration: what is declared must be what the function takes, or
  /// there is no such kernel.
  std::optional<Function> kernel(const dpcrt::fb::Kernel &declared);

  Function call(const dpcrt::fb::LibraryCall &call);
  Function call(nn::LibraryOpInterface op);

  Function sum(dpcrt::Element element);

  Term constant(llvm::StringRef bytes);
  Term constant(mlir::ElementsAttr value);

  // Leaves.
  Term input(llvm::StringRef name, unsigned microBatch, unsigned ep, uint64_t bytes);
  /// `what` is "weight", "master" or a moment's name. Replicated ones are the same on all
  /// ep ranks.
  Term parameter(llvm::StringRef name, llvm::StringRef what, unsigned ep, uint64_t bytes);
  Term recordHeader(uint64_t bytes);
  Term recordEntry(llvm::StringRef parameter, uint64_t bytes);

  Terms &terms;
  unsigned ep = 1;

private:
  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Operation *, Function> kernels;
  llvm::StringMap<bool> sharded;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_WORDS_H
