// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every function of the list, doing nothing: those of FakeDriver.cpp take the place of theirs.
#include "devices/cuda/api/DriverTypes.h"

using namespace dpcrt::cuda;

#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  extern "C" __attribute__((weak)) result name parameters { return CUDA_ERROR_NOT_SUPPORTED; }
#include "devices/cuda/api/DriverFunctions.def"
