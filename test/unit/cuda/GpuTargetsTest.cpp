// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which GPU runs what an artifact was compiled for.
#include "devices/cuda/Cuda.h"
#include <gtest/gtest.h>

namespace dpcrt::cuda {
namespace {
Gpu gpuOf(int major, int minor) {
  Gpu gpu;
  gpu.name = "NVIDIA Test";
  gpu.major = major;
  gpu.minor = minor;
  return gpu;
}

TEST(GpuTargets, CodeRunsOnItsMajorVersionFromItsMinorOneOn) {
  const struct {
    int major, minor;
    const char *feature;
    bool runs;
  } rows[] = {
      {9, 0, "sm_90", true},          {9, 0, "sm_80", false},      {9, 0, "sm_89", false},
      {8, 9, "sm_80", true},          {8, 9, "sm_86", true},       {8, 6, "sm_89", false},
      {8, 0, "sm_90", false},         {10, 0, "sm_90", false},     {10, 3, "sm_100", true},
      {12, 0, "sm_100", false},       {10, 0, "sm_103", false},    {12, 1, "sm_120", true},
      {9, 0, "compute_80", true},     {9, 0, "compute_90", true},  {8, 9, "compute_90", false},
      {12, 0, "compute_100", true},   {7, 5, "compute_80", false}, {9, 0, "sm_90a", true},
      {10, 0, "compute_90a", false},  {9, 0, "compute_90a", true}, {10, 3, "compute_100f", true},
      {12, 0, "compute_100f", false},
  };
  for (auto &row : rows)
    EXPECT_EQ(checkGpuRuns(gpuOf(row.major, row.minor), {row.feature}).ok(), row.runs)
        << row.feature << " on " << row.major << "." << row.minor;
  EXPECT_TRUE(checkGpuRuns(gpuOf(8, 0), {}).ok());
  EXPECT_FALSE(checkGpuRuns(gpuOf(9, 0), {"sm_90", "sm_80"}).ok()) << "all are needed";
}

TEST(GpuTargets, ErrorsSayWhatWouldBeRight) {
  Status s = checkGpuRuns(gpuOf(8, 6), {"sm_90"});
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message(), "GPU 0 (NVIDIA Test, sm_86) does not run code for sm_90; dpc compile "
                         "--target cuda:sm_86 would be right");
  s = checkGpuRuns(gpuOf(7, 5), {"compute_80"});
  EXPECT_EQ(s.message(), "GPU 0 (NVIDIA Test, sm_75) does not run code for compute_80; GPUs are "
                         "compiled for from sm_80 on");
  for (const char *unknown : {"avx512f", "sm_", "sm_9", "sm_9x", "sm_900a0", "compute80", "SM_90",
                              "sm_90b", "sm_123456789012345678901", ""}) {
    s = checkGpuRuns(gpuOf(9, 0), {unknown});
    EXPECT_EQ(s.code(), Code::Device) << unknown;
    EXPECT_NE(s.message().find("has no '" + std::string(unknown) + "'"), std::string::npos)
        << s.message();
  }
}
} // namespace
} // namespace dpcrt::cuda
