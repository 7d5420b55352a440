// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Asking the driver for each, by "Device Management" of its manual.
#include "devices/cuda/api/Gpus.h"
#include <cstdlib>

namespace dpcrt::cuda {
namespace {
Status noGpu(const Driver &driver) {
  const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
  std::string shown = visible ? "; CUDA_VISIBLE_DEVICES is '" + std::string(visible) + "'" : "";
  return error(Code::Device, "the driver '", driver.path, "' (", versionText(driver),
               ") finds no NVIDIA GPU", shown);
}

std::string uuidText(const CUuuid &uuid) {
  static const char digits[] = "0123456789abcdef";
  std::string text = "GPU-";
  for (size_t i = 0; i < sizeof uuid.bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      text += '-';
    unsigned byte = static_cast<unsigned char>(uuid.bytes[i]);
    text += digits[byte / 16];
    text += digits[byte % 16];
  }
  return text;
}

Status describe(const Driver &driver, int ordinal, Gpu &gpu) {
  std::string during = "GPU " + std::to_string(ordinal) + ": ";
  if (Status s = check(driver, driver.cuDeviceGet(&gpu.device, ordinal), during + "cuDeviceGet");
      !s.ok())
    return s;
  char name[256] = "";
  CUresult result = driver.cuDeviceGetName(name, sizeof name - 1, gpu.device);
  if (Status s = check(driver, result, during + "cuDeviceGetName"); !s.ok())
    return s;
  gpu.name = name;
  CUuuid uuid = {};
  result = driver.cuDeviceGetUuid_v2(&uuid, gpu.device);
  if (Status s = check(driver, result, during + "cuDeviceGetUuid"); !s.ok())
    return s;
  gpu.uuid = uuidText(uuid);
  size_t bytes = 0;
  result = driver.cuDeviceTotalMem_v2(&bytes, gpu.device);
  if (Status s = check(driver, result, during + "cuDeviceTotalMem"); !s.ok())
    return s;
  gpu.bytes = bytes;
  const struct {
    CUdevice_attribute attribute;
    int *value;
  } attributes[] = {
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, &gpu.major},
      {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, &gpu.minor},
      {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, &gpu.multiprocessors},
  };
  for (auto &[attribute, value] : attributes) {
    result = driver.cuDeviceGetAttribute(value, attribute, gpu.device);
    if (Status s = check(driver, result, during + "cuDeviceGetAttribute"); !s.ok())
      return s;
  }
  return {};
}
} // namespace

Status findGpus(const Driver &driver, std::vector<Gpu> &out) {
  CUresult result = driver.cuInit(0);
  int count = 0;
  if (result == CUDA_SUCCESS)
    result = driver.cuDeviceGetCount(&count);
  if (result == CUDA_ERROR_NO_DEVICE || (result == CUDA_SUCCESS && count == 0))
    return noGpu(driver);
  if (result != CUDA_SUCCESS)
    return check(driver, result, "starting the driver '" + driver.path + "'");
  out.clear();
  for (int ordinal = 0; ordinal < count; ++ordinal)
    if (Status s = describe(driver, ordinal, out.emplace_back()); !s.ok())
      return s;
  return {};
}

} // namespace dpcrt::cuda
