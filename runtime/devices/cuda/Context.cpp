// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Taking and giving back the primary context.
#include "devices/cuda/Context.h"
#include "devices/Wait.h"
#include <algorithm>
#include <chrono>
#include <thread>

namespace dpcrt::cuda {
namespace {
constexpr int64_t kLongestPause = 1'000'000;
constexpr int64_t kDrainNs = 1'000'000'000;
// Looks without a sleep between them: together some microseconds.
constexpr unsigned kLooksAtOnce = 16;

// What a command that was enqueued before may have left, rather than the call that reports it.
bool isOfACommandBefore(CUresult result) {
  switch (result) {
  case CUDA_ERROR_ECC_UNCORRECTABLE:
  case CUDA_ERROR_ILLEGAL_ADDRESS:
  case CUDA_ERROR_LAUNCH_TIMEOUT:
  case CUDA_ERROR_ILLEGAL_INSTRUCTION:
  case CUDA_ERROR_MISALIGNED_ADDRESS:
  case CUDA_ERROR_LAUNCH_FAILED:
    return true;
  default:
    return false;
  }
}
} // namespace

void Pauses::sleep(int64_t deadline) {
  if (++looks < kLooksAtOnce)
    return;
  const int64_t now = nowNs();
  if (now >= deadline)
    return;
  std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(length, deadline - now)));
  length = std::min(length + length / 2, kLongestPause);
}

Status Context::make(const Cuda &cuda, std::unique_ptr<Context> &out) {
  std::unique_ptr<Context> made(new Context(cuda));
  const Driver &driver = cuda.driver;
  int isUnified = 0;
  CUresult result = driver.cuDeviceGetAttribute(&isUnified, CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING,
                                                cuda.gpu.device);
  if (Status s = made->check(result, "cuDeviceGetAttribute"); !s.ok())
    return s;
  if (!isUnified)
    return error(Code::Device, textOf(cuda.gpu),
                 " has no unified addressing, by which copies know whose memory an address is");
  result = driver.cuDevicePrimaryCtxRetain(&made->handle, cuda.gpu.device);
  if (Status s = made->check(result, "cuDevicePrimaryCtxRetain"); !s.ok()) {
    made->handle = nullptr;
    return s;
  }
  Use use(*made);
  result = driver.cuCtxGetStreamPriorityRange(&made->leastPriority, &made->greatestPriority);
  if (Status s = made->check(result, "cuCtxGetStreamPriorityRange"); !s.ok())
    return s;
  out = std::move(made);
  return {};
}

Context::~Context() {
  if (handle && !abandoned)
    driver.cuDevicePrimaryCtxRelease_v2(gpu.device);
}

Status Context::check(CUresult result, const std::string &during) const {
  if (result == CUDA_SUCCESS)
    return {};
  Status s = cuda::check(driver, result, "GPU 0, " + during);
  if (!isOfACommandBefore(result))
    return s;
  return Status(s.code(), s.message() + "; a command that was enqueued before is what failed");
}

Status Context::fail(const Status &status) {
  std::lock_guard<std::mutex> lock(mutex);
  if (first.ok())
    first = status;
  failing.store(true, std::memory_order_release);
  return first;
}

bool Context::drain(CUstream stream) {
  if (abandoned)
    return false;
  const int64_t deadline = nowNs() + kDrainNs;
  Pauses pauses;
  while (driver.cuStreamQuery(stream) == CUDA_ERROR_NOT_READY) {
    if (nowNs() >= deadline) {
      abandoned = true;
      return false;
    }
    pauses.sleep(deadline);
  }
  return true;
}

} // namespace dpcrt::cuda
