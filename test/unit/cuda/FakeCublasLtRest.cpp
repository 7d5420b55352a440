// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every function of the list, doing nothing: those of FakeCublasLt.cpp take the place of theirs.
#include "devices/cuda/api/CublasLtTypes.h"

using namespace dpcrt::cuda;

#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  extern "C" __attribute__((weak)) result name parameters { return {}; }
#include "devices/cuda/api/CublasLtFunctions.def"
