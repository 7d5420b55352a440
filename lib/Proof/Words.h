// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What programs and bodies call by one name.
//
// A kernel is its content: two symbols whose functions say the same are one kernel, and
// one whose text was changed is another. A library call is its description with the
// types of its operands, a constant its bytes.
#ifndef DPC_LIB_PROOF_WORDS_H
#define DPC_LIB_PROOF_WORDS_H

#include "Execute.h"

#include "dpc/Dialect/NN/NN.h"
#include "program/format/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <optional>

namespace dpc::proof {

class Words : public Vocabulary {
public:
  Words(mlir::ModuleOp module, Terms &terms);

  Function kernel(mlir::func::FuncOp kernel);
  /// The kernel of this name in the module; null if there is none.
  mlir::func::FuncOp find(llvm::StringRef symbol) {
    return symbols.lookup<mlir::func::FuncOp>(symbol);
  }
  std::optional<Function> kernel(const dpcrt::fb::Kernel &declared) override;

  Function ifComparing(Function kernel) override;

  Function call(const dpcrt::fb::LibraryCall &call) override;
  Function call(nn::LibraryOpInterface op);

  Function sum(dpcrt::Element element) override;

  Term constant(uint64_t offset, uint64_t bytes) override {
    return constant(constants.substr(offset, bytes));
  }
  Term constant(mlir::ElementsAttr value);

  Term input(std::string_view name, unsigned microBatch, unsigned ep, uint64_t bytes) override;
  Term parameter(std::string_view name, std::string_view what, unsigned ep,
                 uint64_t bytes) override;
  Term recordHeader(uint64_t bytes) override;
  Term recordEntry(std::string_view parameter, uint64_t bytes) override;

  Terms &terms;
  dpcrt::RankGrid grid;
  llvm::StringRef constants; ///< the content of the file that programs refer to

private:
  Term constant(llvm::StringRef bytes);

  mlir::SymbolTable symbols;
  llvm::DenseMap<mlir::Operation *, Function> kernels;
  llvm::StringMap<bool> sharded;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_WORDS_H
