// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CUDA device for programs, which start where nothing of NVIDIA's is.
#include "devices/DevicePlugin.h"
#include "devices/cuda/CudaDevice.h"

using namespace dpcrt;

static Status checkCuda(const std::vector<std::string> &features) {
  const cuda::Cuda *opened = nullptr;
  Status s = cuda::openCuda(opened);
  return s.ok() ? cuda::checkGpuRuns(opened->gpu, features) : s;
}

// Whatever the host's threads, the GPU has its own.
static Status makeCuda(unsigned, std::unique_ptr<Device> &out) {
  return cuda::CudaDevice::make(out);
}

const Plugin *dpcrt_device_plugin() {
  static const DeviceKind kind{"cuda", "cuda", checkCuda, makeCuda};
  static const Plugin plugin{DPCRT_PLUGIN_VERSION, &kind};
  return &plugin;
}
