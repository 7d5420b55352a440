// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The functions that the library exports, declared from the list that the runtime's loader reads.
#ifndef DPC_TEST_EMULATOR_CUDA_CUBLASLT_EXPORTS_H
#define DPC_TEST_EMULATOR_CUDA_CUBLASLT_EXPORTS_H

#include "devices/cuda/api/CublasLtTypes.h"

using namespace dpcrt::cuda;

#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  extern "C" __attribute__((visibility("default"))) result name parameters;
#include "devices/cuda/api/CublasLtFunctions.def"

#endif // DPC_TEST_EMULATOR_CUDA_CUBLASLT_EXPORTS_H
