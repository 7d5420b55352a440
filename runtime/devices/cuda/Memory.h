// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device's memory: on the GPU, and pinned on the host, where the host reads and writes itself.
#pragma once
#include "devices/Device.h"
#include "devices/cuda/Context.h"
#include <map>

namespace dpcrt::cuda {

class Memory {
public:
  explicit Memory(Context &context) : context(context) {}
  ~Memory();
  Status start();

  // Zero-filled. Outside of steps.
  Status allocate(uint64_t bytes, MemoryKind kind, void *&out);
  // On the GPU, holding anything. What is freed is not in use any more.
  Status allocateScratch(uint64_t bytes, CUdeviceptr &out);
  void freeScratch(CUdeviceptr address);

  // Of the host's memory these wait for nothing; else for a stream of their own.
  Status upload(void *to, const void *from, uint64_t bytes);
  Status download(void *to, const void *from, uint64_t bytes);

  CUstream ownStream() const { return stream; }

private:
  // An error of code OutOfMemory that says what there is.
  Status outOfMemory(uint64_t bytes) const;
  bool isOnHost(const void *address) const;
  Status finish(CUresult enqueued, const char *during);

  Context &context;
  CUstream stream = nullptr;
  std::vector<CUdeviceptr> onGpu;
  std::map<uintptr_t, uint64_t> onHost; // bytes by address
};

} // namespace dpcrt::cuda
