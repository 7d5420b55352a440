// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device `cuda` on the emulated driver, with the kernels of kernels.c as device code, whose twin
// is written by hand (TestTwin.cpp).
#pragma once
#include "devices/Queue.h"

namespace dpcrt::test {

// `said`: how the emulator is to behave, DPC_CUDA_EMULATOR, from the next device on while no other
// lives. Errors of making it are failures of the test.
std::unique_ptr<QueueDevice> makeEmulatedGpu(const std::string &said);

// Opens the test's kernels: all of those in testKernels() but one, sums of f32, i64 and bf16, and
// `change`d.
Status openTestKernels(Device &device, void (*change)(fb::KernelTableT &) = nullptr);
// The file of the device code, PTX, of which openTestKernels hands the path on.
std::string testImage();

} // namespace dpcrt::test
