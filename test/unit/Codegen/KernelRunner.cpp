// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelRunner.h.
#include "KernelRunner.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace mlir;

namespace dpc::codegen::test {

ParsedModule::ParsedModule(const std::string &text) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, dualpipe::DualPipeDialect, func::FuncDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->getDiagEngine().registerHandler(
      [&](Diagnostic &diagnostic) { errors.push_back(diagnostic.str()); });
  module = parseSourceString<ModuleOp>(text, context.get());
  for (const std::string &error : errors)
    ADD_FAILURE() << error;
}
ParsedModule::~ParsedModule() = default;

KernelRunner::KernelRunner(const std::string &text, const std::string &target, unsigned jobs) {
  ParsedModule parsed(text);
  if (!parsed.module)
    return;
  llvm::SmallString<128> name;
  llvm::sys::fs::createTemporaryFile("dpc-test", "so", name);
  file = std::string(name);
  FailureOr<CompiledKernels> result = compileKernels(*parsed.module, {target, jobs}, file);
  for (const std::string &error : parsed.errors)
    ADD_FAILURE() << error;
  if (failed(result))
    return;
  compiled = *result;
  library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
}

KernelRunner::~KernelRunner() {
  if (library)
    dlclose(library);
  if (!file.empty())
    llvm::sys::fs::remove(file);
}

const CompiledKernel &KernelRunner::info(const std::string &symbol) const {
  static const CompiledKernel none;
  for (const CompiledKernel &kernel : compiled.kernels)
    if (kernel.symbol == symbol)
      return kernel;
  ADD_FAILURE() << "no kernel " << symbol;
  return none;
}

std::vector<Bytes> KernelRunner::run(const std::string &symbol, const std::vector<Bytes> &arguments,
                                     int64_t pieces) const {
  const CompiledKernel &kernel = info(symbol);
  auto function = library ? reinterpret_cast<void (*)(void *const *, int64_t, int64_t)>(
                                dlsym(library, symbol.c_str()))
                          : nullptr;
  if (!function)
    return {};
  // Bytes around each buffer must stay as they are.
  constexpr size_t guard = 64;
  std::vector<char *> blocks;
  std::vector<void *> buffers;
  auto sizes = kernel.bufferBytes;
  if (kernel.scratchBytes)
    sizes.push_back(kernel.scratchBytes);
  size_t next = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    size_t bytes = (sizes[i] + 2 * guard + 63) / 64 * 64;
    char *block = static_cast<char *>(std::aligned_alloc(64, bytes));
    std::memset(block, 0xff, bytes); // NaN
    if (i < kernel.access.size() && kernel.access[i] != Access::Write) {
      EXPECT_LT(next, arguments.size());
      EXPECT_EQ(arguments[next].size(), sizes[i]) << symbol << " argument " << next;
      std::memcpy(block + guard, arguments[next].data(),
                  std::min<size_t>(arguments[next].size(), sizes[i]));
      ++next;
    }
    blocks.push_back(block);
    buffers.push_back(block + guard);
  }
  int64_t range = kernel.range;
  for (int64_t p = pieces; p-- > 0;)
    function(buffers.data(), range * p / pieces, range * (p + 1) / pieces);
  std::vector<Bytes> results;
  for (size_t i = 0; i < sizes.size(); ++i) {
    for (size_t g = 0; g < guard; ++g) {
      EXPECT_EQ(static_cast<unsigned char>(blocks[i][g]), 0xff)
          << symbol << " wrote before buffer " << i;
      EXPECT_EQ(static_cast<unsigned char>(blocks[i][guard + sizes[i] + g]), 0xff)
          << symbol << " wrote behind buffer " << i;
    }
    if (i < kernel.access.size() && kernel.access[i] != Access::Read)
      results.emplace_back(blocks[i] + guard, blocks[i] + guard + sizes[i]);
    std::free(blocks[i]);
  }
  return results;
}

std::vector<float> KernelRunner::runFloats(const std::string &symbol,
                                           const std::vector<std::vector<float>> &arguments,
                                           int64_t pieces) const {
  std::vector<Bytes> bytes;
  for (const auto &argument : arguments)
    bytes.push_back(toBytes(argument));
  std::vector<Bytes> results = run(symbol, bytes, pieces);
  return results.empty() ? std::vector<float>() : fromBytes<float>(results[0]);
}

std::vector<float> randomFloats(size_t count, unsigned seed, float scale) {
  std::vector<float> values(count);
  uint64_t state = seed * 0x9e3779b97f4a7c15ull + 1;
  for (float &v : values) {
    float sum = 0;
    for (int i = 0; i < 3; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      sum += static_cast<float>(state >> 40) / (1 << 24) - 0.5f;
    }
    v = 2 * sum * scale;
  }
  return values;
}

} // namespace dpc::codegen::test
