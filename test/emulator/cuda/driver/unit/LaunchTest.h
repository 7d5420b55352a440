// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests with the kernels of HandTwin.cpp.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_LAUNCHTEST_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_LAUNCHTEST_H

#include "DriverTest.h"
#include "HandTwin.h"

namespace dpc::emulator::test {

class LaunchTest : public DriverTest {
protected:
  void SetUp() override {
    placeHandTwin();
    DriverTest::SetUp();
  }
  // Loading may wait, and captures forbid it: so it is done before.
  void begin(const std::string &options) override {
    DriverTest::begin(options);
    module = nullptr;
    ASSERT_EQ(cu.cuModuleLoadDataEx(&module, kHandImage, 0, nullptr, nullptr), CUDA_SUCCESS);
  }
  CUfunction function(const char *name) {
    CUfunction found = nullptr;
    EXPECT_EQ(cu.cuModuleGetFunction(&found, module, name), CUDA_SUCCESS);
    return found;
  }
  template <typename... Arguments>
  CUresult launch(CUfunction function, unsigned grid, unsigned block, CUstream stream,
                  Arguments... arguments) {
    void *parameters[] = {&arguments...};
    return cu.cuLaunchKernel(function, grid, 1, 1, block, 1, 1, 0, stream, parameters, nullptr);
  }
  /// to[i] = from[i] + more for `count` words.
  CUresult add(CUstream stream, CUdeviceptr to, CUdeviceptr from, unsigned more, unsigned count) {
    return launch(function("add"), (count + 63) / 64, 64, stream, to, from, more, count);
  }

  CUmodule module = nullptr;
};

} // namespace dpc::emulator::test

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_UNIT_LAUNCHTEST_H
