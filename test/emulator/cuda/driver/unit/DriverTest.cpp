// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See DriverTest.h.
#include "DriverTest.h"

#include <cstdlib>

namespace dpc::emulator::test {

const Driver &driver() {
  static const Driver opened = [] {
    dpcrt::cuda::LibraryPlaces places;
    places.told = {DPC_EMULATED_LIBRARIES};
    places.system = false;
    Driver result;
    dpcrt::Status status = openDriver(places, result);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.message().c_str());
      std::abort();
    }
    return result;
  }();
  return opened;
}

void DriverTest::begin(const std::string &options) {
  if (context)
    end();
  setenv("DPC_CUDA_EMULATOR", options.c_str(), 1);
  ASSERT_EQ(cu.cuInit(0), CUDA_SUCCESS);
  ASSERT_EQ(cu.cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  ASSERT_EQ(cu.cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
}

void DriverTest::end() {
  if (!context)
    return;
  cu.cuCtxPopCurrent_v2(nullptr);
  EXPECT_EQ(cu.cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
  context = nullptr;
}

CUdeviceptr DriverTest::allocate(size_t bytes) {
  CUdeviceptr address = 0;
  EXPECT_EQ(cu.cuMemAlloc_v2(&address, bytes), CUDA_SUCCESS);
  return address;
}

CUstream DriverTest::stream(unsigned flags) {
  CUstream made = nullptr;
  EXPECT_EQ(cu.cuStreamCreateWithPriority(&made, flags, 0), CUDA_SUCCESS);
  return made;
}

CUevent DriverTest::event(unsigned flags) {
  CUevent made = nullptr;
  EXPECT_EQ(cu.cuEventCreate(&made, flags), CUDA_SUCCESS);
  return made;
}

std::vector<unsigned> DriverTest::words(CUdeviceptr address, size_t count) {
  std::vector<unsigned> values(count);
  EXPECT_EQ(cu.cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_EQ(cu.cuMemcpyDtoHAsync_v2(values.data(), address, count * sizeof(unsigned), nullptr),
            CUDA_SUCCESS);
  return values;
}

} // namespace dpc::emulator::test
