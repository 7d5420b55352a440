// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device functions of an artifact: a cubin or PTX in the driver, and how each of its kernels
// and sums is launched. All is looked up at load.
#pragma once
#include "devices/Device.h"
#include "devices/cuda/Context.h"
#include <map>
#include <memory>

namespace dpcrt::cuda {

struct Function {
  CUfunction handle = nullptr;
  uint32_t grid = 1, block = 1;
  std::string name;
};

// A kernel: functions launched in turn.
struct CudaLaunch : PreparedLaunch {
  std::vector<Function> functions;
  uint64_t scratchBytes = 0;
};

class Kernels {
public:
  explicit Kernels(Context &context) : context(context) {}
  ~Kernels();

  // Errors have code Artifact, or Device where the GPU does not run the code.
  Status open(const std::string &path, KernelTable table);
  Status prepare(const fb::Kernel &kernel, const PreparedLaunch *&out);
  uint64_t scratchBytes() const { return scratch; } // of the kernel that wants most

  // The function that adds so many sources; null if the table has none.
  const Function *sum(Element element, size_t sources) const {
    const size_t type = size_t(element);
    return type < sums.size() && sources < sums[type].size() ? sums[type][sources].get() : nullptr;
  }

private:
  Status load(const std::string &path);
  Status find(const fb::DeviceFunction &wanted, Function &out);
  Status checkLimits(const fb::DeviceFunction &wanted, const Function &found);
  Status attribute(CUdevice_attribute attribute, int &out);
  Status findSums();

  Context &context;
  KernelTable table;
  CUmodule module = nullptr; // that `table` is of
  std::vector<CUmodule> modules;
  std::map<std::string, std::unique_ptr<CudaLaunch>> launches; // by symbol
  std::vector<std::unique_ptr<CudaLaunch>> earlier;            // of modules before
  std::vector<std::vector<std::unique_ptr<Function>>> sums;    // by element and sources
  uint64_t scratch = 0;
};

// Whether the bytes of a cubin hold together as far as the driver follows them: it is given no
// length.
bool isWholeCubin(const std::vector<uint8_t> &bytes);

} // namespace dpcrt::cuda
