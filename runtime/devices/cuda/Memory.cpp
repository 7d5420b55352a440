// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The driver's "Memory Management".
#include "devices/cuda/Memory.h"
#include "program/format/Print.h"
#include <algorithm>
#include <cstring>

namespace dpcrt::cuda {
namespace {
CUdeviceptr addressOf(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer); }
} // namespace

Memory::~Memory() {
  Context::Use use(context);
  if (!stream || !context.drain(stream) || context.isAbandoned())
    return;
  for (CUdeviceptr address : onGpu)
    context.driver.cuMemFree_v2(address);
  for (auto &[address, bytes] : onHost)
    context.driver.cuMemFreeHost(reinterpret_cast<void *>(address));
  context.driver.cuStreamDestroy_v2(stream);
}

Status Memory::start() {
  Context::Use use(context);
  CUresult result = context.driver.cuStreamCreateWithPriority(&stream, CU_STREAM_NON_BLOCKING,
                                                              context.greatestPriority);
  if (result != CUDA_SUCCESS)
    stream = nullptr;
  return context.check(result, "making a stream for uploads");
}

Status Memory::outOfMemory(uint64_t bytes) const {
  size_t free = 0, total = 0;
  if (context.driver.cuMemGetInfo_v2(&free, &total) != CUDA_SUCCESS)
    total = context.gpu.bytes;
  return error(Code::OutOfMemory, textOf(context.gpu), " is out of memory: ", bytesInWords(bytes),
               " were asked for, and ", bytesInWords(free), " of ", bytesInWords(total),
               " are free");
}

Status Memory::allocateScratch(uint64_t bytes, CUdeviceptr &out) {
  Context::Use use(context);
  CUdeviceptr address = 0;
  CUresult result = context.driver.cuMemAlloc_v2(&address, std::max<uint64_t>(bytes, 1));
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    return outOfMemory(bytes);
  if (Status s = context.check(result, "allocating " + bytesInWords(bytes)); !s.ok())
    return s;
  onGpu.push_back(address);
  out = address;
  return {};
}

void Memory::freeScratch(CUdeviceptr address) {
  auto it = std::find(onGpu.begin(), onGpu.end(), address);
  if (it == onGpu.end())
    return;
  Context::Use use(context);
  context.driver.cuMemFree_v2(address);
  onGpu.erase(it);
}

Status Memory::allocate(uint64_t bytes, MemoryKind kind, void *&out) {
  if (kind != MemoryKind::Host) {
    CUdeviceptr address = 0;
    if (Status s = allocateScratch(bytes, address); !s.ok())
      return s;
    out = reinterpret_cast<void *>(static_cast<uintptr_t>(address));
    Context::Use use(context);
    return finish(context.driver.cuMemsetD8Async(address, 0, std::max<uint64_t>(bytes, 1), stream),
                  "clearing memory");
  }
  Context::Use use(context);
  void *pointer = nullptr;
  CUresult result =
      context.driver.cuMemHostAlloc(&pointer, std::max<uint64_t>(bytes, 1), kMemHostAllocPortable);
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    return error(Code::OutOfMemory, "out of memory: ", bytesInWords(bytes),
                 " of the host's were to be pinned for ", textOf(context.gpu));
  if (Status s = context.check(result, "pinning " + bytesInWords(bytes) + " of the host's memory");
      !s.ok())
    return s;
  std::memset(pointer, 0, bytes);
  onHost[reinterpret_cast<uintptr_t>(pointer)] = std::max<uint64_t>(bytes, 1);
  out = pointer;
  return {};
}

bool Memory::isOnHost(const void *address) const {
  auto it = onHost.upper_bound(reinterpret_cast<uintptr_t>(address));
  if (it == onHost.begin())
    return false;
  --it;
  return reinterpret_cast<uintptr_t>(address) - it->first < it->second;
}

Status Memory::finish(CUresult enqueued, const char *during) {
  if (enqueued == CUDA_SUCCESS)
    enqueued = context.driver.cuStreamSynchronize(stream);
  if (enqueued == CUDA_SUCCESS)
    return {};
  return context.fail(context.check(enqueued, during));
}

Status Memory::upload(void *to, const void *from, uint64_t bytes) {
  if (bytes == 0)
    return {};
  if (isOnHost(to)) {
    std::memcpy(to, from, bytes);
    return {};
  }
  Context::Use use(context);
  return finish(context.driver.cuMemcpyHtoDAsync_v2(addressOf(to), from, bytes, stream),
                "an upload");
}

Status Memory::download(void *to, const void *from, uint64_t bytes) {
  if (bytes == 0)
    return {};
  if (isOnHost(from)) {
    std::memcpy(to, from, bytes);
    return {};
  }
  Context::Use use(context);
  return finish(context.driver.cuMemcpyDtoHAsync_v2(to, addressOf(from), bytes, stream),
                "a download");
}

} // namespace dpcrt::cuda
