// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Contexts, memory and copies: what they do, and what nobody may do with them.
#include "DriverTest.h"

#include <csignal>
#include <cstring>
#include <thread>

namespace dpc::emulator::test {
namespace {

using Contexts = DriverTest;
using MemoryOfTheGpu = DriverTest;

TEST_F(Contexts, CallsNeedOne) {
  CUresult result = CUDA_SUCCESS;
  CUdeviceptr address = 0;
  std::thread([&] { result = cu.cuMemAlloc_v2(&address, 16); }).join();
  EXPECT_EQ(result, CUDA_ERROR_INVALID_CONTEXT);
  std::thread([&] {
    cu.cuCtxSetCurrent(context);
    result = cu.cuMemAlloc_v2(&address, 16);
  }).join();
  EXPECT_EQ(result, CUDA_SUCCESS);
}

TEST_F(Contexts, OneThatWasReleasedIsGone) {
  CUcontext before = context;
  cu.cuDevicePrimaryCtxRelease_v2(0);
  CUdeviceptr address = 0;
  EXPECT_EQ(cu.cuMemAlloc_v2(&address, 16), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  cu.cuCtxPopCurrent_v2(nullptr);
  context = nullptr;
  begin("");
  EXPECT_NE(context, before);
  EXPECT_EQ(cu.cuMemAlloc_v2(&address, 16), CUDA_SUCCESS);
}

TEST_F(Contexts, ReleasedTooOften) {
  expectViolation(
      [&] {
        cu.cuDevicePrimaryCtxRelease_v2(0);
        cu.cuDevicePrimaryCtxRelease_v2(0);
      },
      "emulator: cuDevicePrimaryCtxRelease_v2: the primary context is released more often");
}

TEST_F(Contexts, TheGpuIsWhatTheOptionsSay) {
  begin("gpu=sm_80,memory=3MiB");
  int major = 0, minor = 0;
  CU_OK(cu.cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0));
  CU_OK(cu.cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0));
  EXPECT_EQ(10 * major + minor, 80);
  size_t bytes = 0;
  CU_OK(cu.cuDeviceTotalMem_v2(&bytes, 0));
  EXPECT_EQ(bytes, 3u << 20);
  int count = 0;
  CU_OK(cu.cuDeviceGetCount(&count));
  EXPECT_EQ(count, 1);
  CUdevice device = 0;
  EXPECT_EQ(cu.cuDeviceGet(&device, 1), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(Contexts, WhatIsNotUnderstoodIsRefused) {
  for (const char *wrong :
       {"seed=x", "policy=last", "policy=starve", "policy=random=1", "gpu=90", "memory=4",
        "memory=0B", "log=", "fail=cuNothing:1", "fail=cuInit:0", "fail=cuInit:1:CUDA_NOTHING",
        "fault=launch", "fault=hang:1", "x=1", "seed=1,seed=2", "seed=1,", "patience=x",
        "fault=skip:cuInit", "fault=skip:cublasLtMatmul:1"})
    EXPECT_EXIT(begin(wrong), ::testing::ExitedWithCode(kViolated),
                "emulator: DPC_CUDA_EMULATOR .* is wrong; seed=N, policy=")
        << wrong;
}

TEST_F(MemoryOfTheGpu, FreshBytesAreNoNumbers) {
  CUdeviceptr address = allocate(64);
  EXPECT_EQ(address % 256, 0u);
  EXPECT_NE(address % 512, 0u);
  EXPECT_EQ(words(address, 16), std::vector<unsigned>(16, 0xffffffff));
  auto *place = pinned<unsigned>(4);
  EXPECT_EQ(place[3], 0xffffffff);
}

TEST_F(MemoryOfTheGpu, RunsOut) {
  begin("memory=1MiB");
  CUdeviceptr address = 0, other = 0;
  EXPECT_EQ(cu.cuMemAlloc_v2(&address, (1 << 20) + 1), CUDA_ERROR_OUT_OF_MEMORY);
  CU_OK(cu.cuMemAlloc_v2(&address, 1 << 20));
  size_t free = 1, total = 0;
  CU_OK(cu.cuMemGetInfo_v2(&free, &total));
  EXPECT_EQ(free, 0u);
  EXPECT_EQ(total, 1u << 20);
  EXPECT_EQ(cu.cuMemAlloc_v2(&other, 1), CUDA_ERROR_OUT_OF_MEMORY);
  CU_OK(cu.cuMemFree_v2(address));
  CU_OK(cu.cuMemAlloc_v2(&other, 1));
  EXPECT_NE(other, address) << "an address is given once";
  EXPECT_EQ(cu.cuMemAlloc_v2(&other, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(MemoryOfTheGpu, CopiesAndFillsOfAllKinds) {
  CUdeviceptr a = allocate(64), b = allocate(64);
  auto *host = pinned<unsigned>(16);
  for (unsigned i = 0; i < 16; ++i)
    host[i] = i;
  CUstream s = stream();
  CU_OK(cu.cuMemcpyHtoDAsync_v2(a, host, 64, s));
  CU_OK(cu.cuMemcpyDtoDAsync_v2(b, a, 64, s));
  CU_OK(cu.cuMemsetD32Async(b + 4, 77, 2, s));
  CU_OK(cu.cuMemsetD8Async(b + 1, 1, 1, s));
  auto *back = pinned<unsigned>(16);
  CU_OK(cu.cuMemcpyAsync(reinterpret_cast<CUdeviceptr>(back), b, 64, s));
  CU_OK(cu.cuStreamSynchronize(s));
  EXPECT_EQ(back[0], 256u);
  EXPECT_EQ(back[1], 77u);
  EXPECT_EQ(back[2], 77u);
  EXPECT_EQ(back[15], 15u);
}

TEST_F(MemoryOfTheGpu, PageableMemoryIsReadAtTheCallAndWrittenBeforeItsEnd) {
  begin("policy=first");
  CUdeviceptr a = allocate(4);
  unsigned value = 5, back = 0;
  CU_OK(cu.cuMemcpyHtoDAsync_v2(a, &value, 4, stream()));
  value = 6;
  CU_OK(cu.cuCtxSynchronize());
  CU_OK(cu.cuMemcpyDtoHAsync_v2(&back, a, 4, stream()));
  EXPECT_EQ(back, 5u);
}

TEST_F(MemoryOfTheGpu, NoneOfTheHost) {
  CUdeviceptr a = allocate(64);
  auto touch = [&] { *reinterpret_cast<volatile char *>(a + 8) = 1; };
  expectViolation(touch, "emulator: the host touched device memory at 0x[0-9a-f]+, which lies in "
                         "the 64 bytes of allocation");
  auto read = [&] { (void)*reinterpret_cast<volatile char *>(a + 100000000); };
  expectViolation(read, "emulator: the host touched device memory .* lies in no allocation");
  // Other addresses are none of the emulator's business.
  EXPECT_EXIT(*reinterpret_cast<volatile char *>(16) = 1, ::testing::KilledBySignal(SIGSEGV), "");
}

TEST_F(MemoryOfTheGpu, PinnedMemoryThatWasFreed) {
  auto *host = pinned<char>(64);
  CU_OK(cu.cuMemFreeHost(host));
  expectViolation([&] { *static_cast<volatile char *>(host) = 1; },
                  "the host touched pinned memory at .* which has been freed");
}

TEST_F(MemoryOfTheGpu, BoundsOfCopiesAndFills) {
  CUdeviceptr a = allocate(64), b = allocate(64);
  auto *host = pinned<char>(64);
  expectViolation([&] { cu.cuMemcpyDtoDAsync_v2(a + 4, b, 64, stream()); },
                  "cuMemcpyDtoDAsync_v2: writes 64 bytes at .*, beyond the end of the 64 bytes");
  expectViolation([&] { cu.cuMemcpyHtoDAsync_v2(a, host + 1, 64, stream()); },
                  "reads 64 bytes at .*, beyond the end of the 64 bytes of pinned memory");
  expectViolation([&] { cu.cuMemsetD32Async(a - 4, 0, 1, stream()); }, "lie in no allocation");
  expectViolation([&] { cu.cuMemsetD32Async(a + 2, 0, 1, stream()); }, "no multiple of 4");
  expectViolation([&] { cu.cuMemcpyDtoDAsync_v2(a + 8, a, 16, stream()); }, "overlap");
  expectViolation([&] { cu.cuMemcpyHtoDAsync_v2(a, reinterpret_cast<void *>(b), 4, stream()); },
                  "copies from 0x.*, which is device memory");
  expectViolation(
      [&] { cu.cuMemcpyDtoDAsync_v2(a, reinterpret_cast<uint64_t>(host), 4, stream()); },
      "copies from 0x.*, which is host memory");
}

TEST_F(MemoryOfTheGpu, UseAfterFree) {
  CUdeviceptr a = allocate(64);
  CU_OK(cu.cuMemFree_v2(a));
  expectViolation([&] { cu.cuMemsetD8Async(a, 0, 1, stream()); },
                  "in the 64 bytes of allocation .*, which has been freed .*Memory Management");
  expectViolation([&] { cu.cuMemFree_v2(a); }, "which has been freed before");
  CUdeviceptr b = allocate(64);
  expectViolation([&] { cu.cuMemFree_v2(b + 8); }, "where no allocation begins");
  EXPECT_EQ(cu.cuMemFree_v2(0), CUDA_SUCCESS);
}

TEST_F(MemoryOfTheGpu, FreedInUse) {
  begin("policy=first");
  CUdeviceptr a = allocate(64);
  CUstream s = stream();
  CU_OK(cu.cuMemsetD8Async(a, 0, 64, s));
  // The program goes on, and ends as one that has broken a rule.
  auto freeAndWait = [&] {
    cu.cuMemFree_v2(a);
    cu.cuStreamSynchronize(s);
  };
  expectViolation(freeAndWait,
                  "frees the 64 bytes of allocation .*, which a fill on stream 1 names");
  CU_OK(cu.cuStreamSynchronize(s));
  CU_OK(cu.cuMemFree_v2(a));
}

} // namespace
} // namespace dpc::emulator::test
