// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Modules.h.
#include "Modules.h"

#include "Report.h"

#include <cstdlib>
#include <unistd.h>

namespace dpc::emulator {

using namespace dpcrt::cuda;

uint32_t mostSharedBytes(const Options &gpu) {
  // The manual's table of compute capabilities: 227 KiB of Hopper and of Blackwell's largest.
  bool isSmall = (gpu.major == 8 && gpu.minor != 0 && gpu.minor != 7) || gpu.major == 12;
  return gpu.major >= 9 && !isSmall ? 227 * 1024
         : isSmall                  ? 99 * 1024
         : gpu.major == 8           ? 163 * 1024
                                    : 64 * 1024;
}

std::shared_ptr<Module> loadModule(const Image &image, std::string &why) {
  auto module = std::make_shared<Module>();
  module->hash = hashOf(image.bytes);
  module->copy = image.bytes;
  module->image = image;
  module->image.bytes = module->copy;
  const char *folders = std::getenv("DPC_CUDA_EMULATOR_TWINS");
  std::string rest = folders ? folders : "";
  while (!rest.empty()) {
    size_t at = rest.find(':');
    std::string folder = rest.substr(0, at);
    rest = at == std::string::npos ? "" : rest.substr(at + 1);
    std::string path = folder + "/" + module->hash + ".so";
    if (folder.empty() || access(path.c_str(), F_OK) != 0)
      continue;
    module->twin = TwinFile::open(path, why);
    return module->twin ? module : nullptr;
  }
  why = "there is no twin " + module->hash + ".so of this image in '" +
        std::string(folders ? folders : "") + "' (DPC_CUDA_EMULATOR_TWINS)";
  return nullptr;
}

static CUresult resultOf(FaultKind kind) {
  switch (kind) {
  case FaultKind::IllegalAddress:
    return CUDA_ERROR_ILLEGAL_ADDRESS;
  case FaultKind::Misaligned:
    return CUDA_ERROR_MISALIGNED_ADDRESS;
  case FaultKind::Launch:
  case FaultKind::Synchronization:
  case FaultKind::Race:
    break;
  }
  return CUDA_ERROR_LAUNCH_FAILED;
}

CUresult KernelRunner::run(const Function &function, Dim3 grid, Dim3 block, uint64_t sharedBytes,
                           void *const *values, uint64_t seed, std::vector<Access> &used) {
  if (version != memory.version()) {
    version = memory.version();
    ranges.clear();
    for (auto &[begin, allocation] : memory.all())
      if (allocation.isLive)
        ranges.push_back({memory.at(begin), allocation.bytes, true, allocation.describe()});
  }
  Launch launch;
  launch.kernel = function.kernel;
  launch.grid = grid;
  launch.block = block;
  launch.arguments = values;
  launch.dynamicSharedBytes = sharedBytes;
  launch.seed = seed;
  launch.memory = &ranges;
  launch.touched = &touched;
  std::optional<Fault> fault = engine.launch(function.module->twin->table(), launch);
  for (const Touched::Range &range : touched.take())
    used.push_back(
        {memory.addressOf(reinterpret_cast<void *>(range.begin)), range.bytes, range.written});
  if (!fault)
    return CUDA_SUCCESS;
  violation("CUDA Programming Guide, Kernels", fault->message());
  return resultOf(fault->kind);
}

} // namespace dpc::emulator
