// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compares every kernel of a module, compiled, with the interpreter on random
// operands: dpc-kernel-test MODULE.mlir [SEED]. The module is a dump after the
// kernels phase, so that kernels are tested as models really make them.
#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Reference/Reference.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <random>

using namespace mlir;
using dpc::reference::Tensor;

namespace {

using Function = void (*)(void *const *, int64_t, int64_t);

// Indices stay small: tables of tested models have at least this many rows.
Tensor draw(RankedTensorType type, std::mt19937_64 &random) {
  Tensor tensor = Tensor::zeros(type);
  for (double &x : tensor.floats)
    x = static_cast<float>(std::normal_distribution<double>()(random));
  for (int64_t &x : tensor.integers)
    x = random() % (type.getElementType().isInteger(1) ? 2 : 4);
  return tensor;
}

std::vector<char> pack(const Tensor &tensor, Type element) {
  std::vector<char> bytes;
  auto put = [&](auto value) {
    const char *p = reinterpret_cast<const char *>(&value);
    bytes.insert(bytes.end(), p, p + sizeof(value));
  };
  for (double x : tensor.floats)
    element.isF64() ? put(x) : put(static_cast<float>(x));
  for (int64_t x : tensor.integers)
    switch (element.getIntOrFloatBitWidth()) {
    case 1:
    case 8:
      put(static_cast<int8_t>(x));
      break;
    case 16:
      put(static_cast<int16_t>(x));
      break;
    case 32:
      put(static_cast<int32_t>(x));
      break;
    default:
      put(x);
    }
  return bytes;
}

// The largest difference, relative to the size of a tensor's numbers.
double compare(const Tensor &want, const Tensor &got) {
  double size = 0, worst = 0;
  for (int64_t i = 0; i < want.size(); ++i)
    if (std::isfinite(want.at(i)))
      size = std::max(size, std::abs(want.at(i)));
  for (int64_t i = 0; i < want.size(); ++i) {
    double a = want.at(i), b = got.at(i);
    if (std::isnan(a) != std::isnan(b) || (std::isinf(a) && a != b && std::abs(b) < 3e38))
      return INFINITY;
    if (std::isfinite(a))
      worst = std::max(worst, std::abs(a - b) / std::max(size, 1e-30));
  }
  return worst;
}

} // namespace

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
    std::mt19937_64 random(seed);
    SmallVector<Tensor> arguments;
    std::vector<std::vector<char>> buffers;
    std::vector<int64_t> bufferOfResult(function.getNumResults(), -1);
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      arguments.push_back(draw(cast<RankedTensorType>(type), random));
      buffers.push_back(pack(arguments.back(), cast<RankedTensorType>(type).getElementType()));
      if (auto result = function.getArgAttrOfType<IntegerAttr>(i, dpc::dualpipe::kInplaceAttr))
        bufferOfResult[result.getInt()] = i;
    }
    for (int64_t &buffer : bufferOfResult)
      if (buffer < 0) {
        buffer = buffers.size();
        buffers.push_back(std::vector<char>(kernel.bufferBytes[buffer], '\xff'));
      }
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
    auto want = dpc::reference::evaluate(function, arguments);
    if (failed(want))
      return 1;
    for (auto [r, type] : llvm::enumerate(function.getResultTypes())) {
      const char *data = static_cast<const char *>(pointers[bufferOfResult[r]]);
      Tensor got = Tensor::fromBytes(type, ArrayRef(data, kernel.bufferBytes[bufferOfResult[r]]));
      double error = compare((*want)[r], got);
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
