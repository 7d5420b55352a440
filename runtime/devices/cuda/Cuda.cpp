// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runs where: CUDA's manual, "Binary Compatibility" and "PTX Compatibility".
#include "devices/cuda/Cuda.h"
#include <algorithm>
#include <cctype>
#include <memory>
#include <mutex>

namespace dpcrt::cuda {
namespace {
// The oldest that the compiler knows.
constexpr int kLeastArchitecture = 80;

// A feature of a target: "sm_90", "compute_80", "sm_90a".
struct Architecture {
  bool isBinary = false; // else the driver compiles it
  int number = 0;        // 90
  // Of code that uses what one architecture alone has: "a" for that one, "f" for its family.
  std::string suffix;
};

bool parse(const std::string &feature, Architecture &out) {
  const size_t at = feature.find('_') + 1;
  const std::string kind = feature.substr(0, at);
  size_t end = at;
  for (; end < std::min(feature.size(), at + 3) &&
         std::isdigit(static_cast<unsigned char>(feature[end]));
       ++end)
    out.number = out.number * 10 + (feature[end] - '0');
  out.isBinary = kind == "sm_";
  out.suffix = feature.substr(end);
  return (kind == "sm_" || kind == "compute_") && end >= at + 2 &&
         (out.suffix.empty() || out.suffix == "a" || out.suffix == "f");
}

bool runs(const Gpu &gpu, const Architecture &code) {
  const int own = gpu.architecture();
  if (code.suffix == "a")
    return code.number == own;
  if (code.isBinary || code.suffix == "f")
    return code.number / 10 == gpu.major && code.number <= own;
  return code.number <= own;
}
} // namespace

Status openCuda(const Cuda *&out) {
  static std::mutex mutex;
  static std::unique_ptr<Cuda> opened; // as long as the process, as the libraries are
  std::lock_guard<std::mutex> lock(mutex);
  if (!opened) {
    auto made = std::make_unique<Cuda>();
    const LibraryPlaces places = findLibraryPlaces();
    if (Status s = openDriver(places, made->driver); !s.ok())
      return s;
    std::vector<Gpu> gpus;
    if (Status s = findGpus(made->driver, gpus); !s.ok())
      return s;
    made->gpu = gpus.front();
    if (Status s = openCublasLt(places, made->driver.version, made->library); !s.ok())
      return s;
    opened = std::move(made);
  }
  out = opened.get();
  return {};
}

std::string textOf(const Gpu &gpu) {
  return "GPU 0 (" + gpu.name + ", sm_" + std::to_string(gpu.architecture()) + ")";
}

Status checkGpuRuns(const Gpu &gpu, const std::vector<std::string> &features) {
  for (const std::string &feature : features) {
    Architecture code;
    if (!parse(feature, code))
      return error(Code::Device, textOf(gpu), " has no '", feature,
                   "'; code for GPUs needs sm_80 or the like, or compute_80");
    if (!runs(gpu, code))
      return error(Code::Device, textOf(gpu), " does not run code for ", feature, "; ",
                   gpu.architecture() < kLeastArchitecture
                       ? "GPUs are compiled for from sm_" + std::to_string(kLeastArchitecture) +
                             " on"
                       : "dpc compile --target cuda:sm_" + std::to_string(gpu.architecture()) +
                             " would be right");
  }
  return {};
}

} // namespace dpcrt::cuda
