// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Equal kernels have equal names, whichever stage or phase makes them.
#include "dpc/Dialect/DualPipe/KernelName.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace dpc::dualpipe {

std::string getKernelName(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  // The content without the name.
  std::string name = ("@" + kernel.getName()).str();
  if (size_t at = text.find(name); at != std::string::npos)
    text.erase(at, name.size());
  return "k_" + llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true, /*Width=*/16);
}

} // namespace dpc::dualpipe
