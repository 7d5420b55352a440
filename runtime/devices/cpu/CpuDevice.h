// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU as a device: kernels of the artifact's shared object, matmul through
// oneDNN, memory from the host. Ranks share it, and its cores.
#pragma once
#include "devices/HostDevice.h"
#include "devices/cpu/Cores.h"

namespace dpcrt {

// `threads`: commands of this process that compute at one time.
std::unique_ptr<HostDevice> makeCpuDevice(unsigned threads);

} // namespace dpcrt
