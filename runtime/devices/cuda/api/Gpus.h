// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The GPUs that the driver shows to this process.
#pragma once
#include "devices/cuda/api/Driver.h"

namespace dpcrt::cuda {

struct Gpu {
  CUdevice device = 0;
  std::string name; // "NVIDIA H200"
  std::string uuid; // "GPU-8f0b…", as nvidia-smi writes it
  int major = 0, minor = 0;
  int multiprocessors = 0;
  uint64_t bytes = 0; // of its memory

  int architecture() const { return major * 10 + minor; } // 90 for sm_90
};

// Initialises the driver. An error, of code Device, if that fails or there is no GPU: the message
// says what CUDA_VISIBLE_DEVICES leaves, where it is set.
Status findGpus(const Driver &driver, std::vector<Gpu> &out);

} // namespace dpcrt::cuda
