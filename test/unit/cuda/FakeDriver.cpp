// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tests ask of a driver that is none: versions, GPUs and errors, as the environment says.
#include "devices/cuda/api/DriverTypes.h"
#include <cstdlib>
#include <cstring>

using namespace dpcrt::cuda;

static int given(const char *name, int otherwise) {
  const char *value = std::getenv(name);
  return value ? std::atoi(value) : otherwise;
}

extern "C" {

CUresult cuInit(unsigned) { return static_cast<CUresult>(given("FAKE_CUDA_INIT", 0)); }

CUresult cuDriverGetVersion(int *version) {
  *version = given("FAKE_CUDA_VERSION", 12040);
  return static_cast<CUresult>(given("FAKE_CUDA_VERSION_RESULT", 0));
}

CUresult cuGetErrorName(CUresult error, const char **text) {
  *text = error == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == CUDA_ERROR_UNKNOWN     ? "CUDA_ERROR_UNKNOWN"
          : error == CUDA_ERROR_INVALID_PTX ? "CUDA_ERROR_INVALID_PTX"
                                            : nullptr;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = error == CUDA_ERROR_OUT_OF_MEMORY ? "out of memory"
          : error == CUDA_ERROR_UNKNOWN     ? "unknown error"
          : error == CUDA_ERROR_INVALID_PTX ? "a PTX JIT compilation failed"
                                            : nullptr;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) {
  *count = given("FAKE_CUDA_GPUS", 1);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  *device = ordinal + 40;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  std::strncpy(name, device == 40 ? "Fake Hopper" : "Fake Ampere", length);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  for (int i = 0; i < 16; ++i)
    uuid->bytes[i] = static_cast<char>(device + 8 * i);
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  *bytes = size_t(device) << 30;
  return static_cast<CUresult>(given("FAKE_CUDA_MEMORY_RESULT", 0));
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? (device == 40 ? 9 : 8)
           : attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR
               ? 0
               : 100 + static_cast<int>(attribute);
  return CUDA_SUCCESS;
}

} // extern "C"
