// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVIDIA's libraries and the GPU of this process, opened once, when somebody first asks.
#pragma once
#include "devices/cuda/api/CublasLt.h"
#include "devices/cuda/api/Gpus.h"

namespace dpcrt::cuda {

struct Cuda {
  Driver driver;
  CublasLt library;
  Gpu gpu; // the first that the driver shows; CUDA_VISIBLE_DEVICES chooses others
};

// Errors have code Device and say what is missing. What was missing is looked for again.
Status openCuda(const Cuda *&out);

// "GPU 0 (NVIDIA H200, sm_90)".
std::string textOf(const Gpu &gpu);

// Whether the GPU runs what an artifact's target needs: all of `features`, each "sm_90", code for
// that architecture, or "compute_80", which the driver compiles. Error (code Device) saying
// what would be right.
Status checkGpuRuns(const Gpu &gpu, const std::vector<std::string> &features);

} // namespace dpcrt::cuda
