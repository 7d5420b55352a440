// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compares every kernel of a module, compiled, with the interpreter on random
// operands: dpc-kernel-test MODULE.mlir [SEED]. The module is a dump after the
// kernels phase, so that kernels are tested as models really make them.
#include "KernelOperands.h"

#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Reference/Reference.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <dlfcn.h>

using namespace mlir;
using dpc::reference::Tensor;

using Function = void (*)(void *const *, int64_t, int64_t);

int main(int argc, char **argv) {
  if (argc < 2) {
    llvm::errs() << "usage: dpc-kernel-test MODULE.mlir [SEED]\n";
    return 2;
  }
  DialectRegistry registry;
  dpc::registerAllDialects(registry);
  MLIRContext context(registry);
  auto module = parseSourceFile<ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  llvm::SmallString<128> library;
  llvm::sys::fs::createTemporaryFile("dpc-kernel-test", "so", library);
  auto compiled = dpc::codegen::compileKernels(*module, {}, library);
  void *handle = succeeded(compiled) ? dlopen(library.c_str(), RTLD_NOW) : nullptr;
  llvm::sys::fs::remove(library);
  if (!handle)
    return 1;
  SymbolTable symbols(*module);
  unsigned wrong = 0;
  uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  for (const auto &kernel : compiled->kernels) {
    auto function = symbols.lookup<func::FuncOp>(kernel.symbol);
    dpc::test::KernelOperands operands =
        dpc::test::drawOperands(function, kernel.bufferBytes, seed);
    std::vector<std::vector<char>> &buffers = operands.buffers;
    if (kernel.scratchBytes)
      buffers.push_back(std::vector<char>(kernel.scratchBytes, '\xff'));
    std::vector<void *> pointers;
    for (auto &buffer : buffers) {
      void *p = std::aligned_alloc(64, (buffer.size() + 63) / 64 * 64 + 64);
      std::memcpy(p, buffer.data(), buffer.size());
      pointers.push_back(p);
    }
    auto call = reinterpret_cast<Function>(dlsym(handle, kernel.symbol.c_str()));
    int64_t half = kernel.range / 2;
    call(pointers.data(), half, kernel.range);
    call(pointers.data(), 0, half);
    auto want = dpc::reference::evaluate(function, operands.arguments);
    if (failed(want))
      return 1;
    for (auto [r, type] : llvm::enumerate(function.getResultTypes())) {
      size_t buffer = operands.bufferOfResult[r];
      const char *data = static_cast<const char *>(pointers[buffer]);
      Tensor got = Tensor::fromBytes(type, ArrayRef(data, kernel.bufferBytes[buffer]));
      double error = dpc::test::compareTensors((*want)[r], got);
      if (!(error < 1e-5)) {
        ++wrong;
        llvm::outs() << kernel.symbol << " result " << r << ": error " << error << " (seed " << seed
                     << ")\n";
      }
    }
    for (void *p : pointers)
      std::free(p);
  }
  llvm::outs() << compiled->kernels.size() << " kernels compared, " << wrong << " results wrong\n";
  return wrong != 0;
}
