// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The emulated driver as programs see it: opened by the runtime's loader and called through its
// table. Each test has a context of its own.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_DRIVERTEST_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_DRIVERTEST_H

#include "devices/cuda/api/Driver.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace dpc::emulator::test {

using namespace dpcrt::cuda;

/// What a process ends with in which a rule was broken.
constexpr int kViolated = 86;

const Driver &driver();

/// Sees that a call succeeds.
#define CU_OK(call) ASSERT_EQ(call, CUDA_SUCCESS)

class DriverTest : public ::testing::Test {
protected:
  void SetUp() override { begin(""); }
  void TearDown() override { end(); }
  /// Another context, with these options behind those of the test before.
  virtual void begin(const std::string &options);
  void end();

  CUdeviceptr allocate(size_t bytes);
  template <typename T> T *pinned(size_t count) {
    void *place = nullptr;
    EXPECT_EQ(cu.cuMemHostAlloc(&place, count * sizeof(T), 1), CUDA_SUCCESS);
    return static_cast<T *>(place);
  }
  CUstream stream(unsigned flags = CU_STREAM_NON_BLOCKING);
  CUevent event(unsigned flags = CU_EVENT_DISABLE_TIMING);
  /// What memory of the device holds when all is done.
  std::vector<unsigned> words(CUdeviceptr address, size_t count);
  /// For death tests: calls it in a process of its own, which must end as violated and say so.
  template <typename Body> void expectViolation(Body body, const std::string &message) {
    EXPECT_EXIT(
        {
          body();
          std::exit(0);
        },
        ::testing::ExitedWithCode(kViolated), message);
  }

  const Driver &cu = driver();
  CUcontext context = nullptr;
};

} // namespace dpc::emulator::test

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_DRIVERTEST_H
