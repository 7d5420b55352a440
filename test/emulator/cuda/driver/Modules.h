// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Modules: an image that is loaded is checked as a driver would, and then its twin is executed in
// its place.
//
// Twins lie in the folders that DPC_CUDA_EMULATOR_TWINS names, with colons between them, as
// HASH.so: HASH is XXH3 with 128 bits of the image's bytes, of PTX without the zero at its end, in
// 32 hexadecimal digits.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_MODULES_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_MODULES_H

#include "Launch.h"
#include "Memory.h"
#include "Options.h"
#include "TwinFile.h"
#include "Work.h"

#include <string_view>

namespace dpc::emulator {

/// What an image says of itself.
struct Image {
  bool isPtx = false;
  std::string_view bytes;
  uint32_t architecture = 0; ///< 90 for sm_90
  uint32_t ptxVersion = 0;   ///< 80 for 8.0
  /// Registers of a kernel; 0 where the image does not say it.
  uint32_t registersOf(const std::string &kernel) const;
};

/// Reads what `image` points to, which is PTX or a cubin. An error is what a driver would give,
/// and `why`.
dpcrt::cuda::CUresult readImage(const void *image, Image &out, std::string &why);
/// Whether a GPU runs it.
dpcrt::cuda::CUresult checkImage(const Image &image, const Options &gpu, std::string &why);
std::string hashOf(std::string_view bytes);

struct Module {
  std::unique_ptr<TwinFile> twin;
  std::string hash;
  std::string copy; ///< the image's bytes
  Image image;      ///< in them
};

struct Function {
  std::shared_ptr<Module> module;
  const Kernel *kernel = nullptr;
  uint32_t mostDynamicBytes = 0;
  std::string name() const { return kernel->name; }
};

/// The most shared memory of a block, static and dynamic, for which a kernel must ask.
uint32_t mostSharedBytes(const Options &gpu);

/// The twin of an image: null, and `why`.
std::shared_ptr<Module> loadModule(const Image &image, std::string &why);

/// Executes kernels, one after another.
class KernelRunner {
public:
  explicit KernelRunner(Memory &memory) : memory(memory) {}
  /// Runs it with parameters that have been copied: `values` points to each. Notes what it
  /// touched. A fault is a violation and becomes what a driver makes of it.
  dpcrt::cuda::CUresult run(const Function &function, Dim3 grid, Dim3 block, uint64_t sharedBytes,
                            void *const *values, uint64_t seed, std::vector<Access> &used);

private:
  Memory &memory;
  Engine engine;
  Touched touched;
  std::vector<MemoryRange> ranges; ///< of what lives
  uint64_t version = UINT64_MAX;   ///< of the memory that they were made of
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_MODULES_H
