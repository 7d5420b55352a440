// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelTest.h.
#include "KernelTest.h"

#include "Twin.h"

#include "Random.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>
#include <map>

namespace dpc::emulator::test {

static std::unique_ptr<TwinFile> load(const llvm::Module &device, std::string &error) {
  llvm::SmallString<128> path;
  llvm::sys::fs::createTemporaryFile("dpc-twin", "so", path);
  std::unique_ptr<TwinFile> file;
  if (llvm::Error failure = writeTwin(device, path))
    error = llvm::toString(std::move(failure));
  else
    file = TwinFile::open(std::string(path), error);
  llvm::sys::fs::remove(path);
  return file;
}

const TwinFile &twinOf(const std::string &input) {
  static std::map<std::string, std::unique_ptr<TwinFile>> files;
  std::unique_ptr<TwinFile> &file = files[input];
  if (!file) {
    llvm::LLVMContext context;
    llvm::SMDiagnostic diagnostic;
    std::unique_ptr<llvm::Module> device = llvm::parseIRFile(
        std::string(DPC_TEST_DIR) + "/emulator/cuda/unit/Inputs/" + input, diagnostic, context);
    std::string error = device ? "" : diagnostic.getMessage().str();
    if (device)
      file = load(*device, error);
    if (!file) {
      std::fprintf(stderr, "%s: %s\n", input.c_str(), error.c_str());
      std::exit(1);
    }
  }
  return *file;
}

std::unique_ptr<TwinFile> twinOfBitcode(const std::string &bitcode, std::string &error) {
  llvm::LLVMContext context;
  auto device = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "kernels"), context);
  if (!device) {
    error = llvm::toString(device.takeError());
    return nullptr;
  }
  return load(**device, error);
}

std::string triple() { return "target triple = \"nvptx64-nvidia-cuda\"\n"; }

std::string refusal(const std::string &deviceCode) {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  std::unique_ptr<llvm::Module> device = llvm::parseAssemblyString(deviceCode, diagnostic, context);
  if (!device)
    return "this is no LLVM IR: " + diagnostic.getMessage().str();
  std::string error;
  load(*device, error);
  return error;
}

Trial::Trial(const std::string &input, const std::string &kernel) : twin(twinOf(input).table()) {
  launch.kernel = twinOf(input).find(kernel);
  EXPECT_NE(launch.kernel, nullptr) << kernel;
}

std::optional<Fault> Trial::operator()(Dim3 grid, Dim3 block, uint64_t seed) {
  std::vector<void *> arguments = buffers.arguments();
  for (uint64_t &number : numbers)
    arguments.push_back(&number);
  EXPECT_EQ(arguments.size(), launch.kernel->parameters);
  std::vector<MemoryRange> ranges = buffers.ranges();
  launch.grid = grid;
  launch.block = block;
  launch.seed = seed;
  launch.arguments = arguments.data();
  launch.memory = checkMemory ? &ranges : nullptr;
  std::optional<Fault> fault = engine.launch(twin, launch);
  launch.memory = nullptr;
  launch.arguments = nullptr;
  return fault;
}

std::vector<float> draw(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (float &value : values)
    value = (static_cast<int32_t>(random.next()) / 2147483648.0f) * (1 << random.below(4));
  return values;
}

} // namespace dpc::emulator::test
