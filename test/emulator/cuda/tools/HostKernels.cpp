// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See HostKernels.h.
#include "HostKernels.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <utility>

namespace dpc::emulator {

std::optional<HostKernels> HostKernels::compile(mlir::ModuleOp module) {
  llvm::SmallString<128> library;
  llvm::sys::fs::createTemporaryFile("dpc-kernels", "so", library);
  auto compiled = codegen::compileKernels(module, {}, library);
  HostKernels result;
  if (succeeded(compiled)) {
    result.handle = dlopen(library.c_str(), RTLD_NOW);
    if (!result.handle)
      llvm::errs() << "error: " << dlerror() << '\n';
    result.kernels = compiled->kernels;
  }
  llvm::sys::fs::remove(library);
  if (!result.handle)
    return std::nullopt;
  return result;
}

HostKernels::HostKernels(HostKernels &&other)
    : handle(std::exchange(other.handle, nullptr)), kernels(std::move(other.kernels)) {}

HostKernels::~HostKernels() {
  if (handle)
    dlclose(handle);
}

std::vector<Bytes> HostKernels::run(size_t index, const std::vector<Bytes> &buffers) const {
  const codegen::CompiledKernel &kernel = kernels[index];
  std::vector<Bytes> all = buffers;
  if (kernel.scratchBytes)
    all.push_back(Bytes(kernel.scratchBytes, '\xff'));
  std::vector<void *> pointers;
  for (const Bytes &buffer : all) {
    pointers.push_back(std::aligned_alloc(64, (buffer.size() + 63) / 64 * 64 + 64));
    std::memcpy(pointers.back(), buffer.data(), buffer.size());
  }
  using Function = void (*)(void *const *, int64_t, int64_t);
  auto call = reinterpret_cast<Function>(dlsym(handle, kernel.symbol.c_str()));
  call(pointers.data(), 0, kernel.range);
  std::vector<Bytes> result;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const char *data = static_cast<const char *>(pointers[i]);
    result.push_back(Bytes(data, data + buffers[i].size()));
  }
  for (void *pointer : pointers)
    std::free(pointer);
  return result;
}

} // namespace dpc::emulator
