// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The functions that the library exports, declared from the list that the runtime's loader reads:
// one that is implemented otherwise does not compile, and one that is not does not link
// (Exports.cpp).
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_EXPORTS_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_EXPORTS_H

#include "devices/cuda/api/DriverTypes.h"

using namespace dpcrt::cuda;

#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  extern "C" __attribute__((visibility("default"))) result name parameters;
#include "devices/cuda/api/DriverFunctions.def"

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_EXPORTS_H
