// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// cuBLASLt, opened at run time: a table of its functions under their own names.
#pragma once
#include "devices/cuda/api/CublasLtTypes.h"
#include "devices/cuda/api/Libraries.h"
#include <string_view>

namespace dpcrt::cuda {

struct CublasLtFunctions {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
#include "devices/cuda/api/CublasLtFunctions.def"
};

struct CublasLt : CublasLtFunctions {
  std::string path;
  std::string version; // "12.4.5"
  int cuda = 0;        // the version of CUDA that it was made with, 12040 for 12.4
};

// The oldest that will do, in words.
extern const char *const kLeastCublasLt; // "cuBLASLt 12"

// Opens libcublasLt.so.13, else .12, and finds its functions. A driver runs what was made with
// its own major version of CUDA or an older one: where `driver`, its version, is of CUDA 12,
// libcublasLt.so.13 is passed over; 0 where there is no driver. Errors have code Device and say
// what is missing and what would be right.
Status openCublasLt(const LibraryPlaces &places, int driver, CublasLt &out);

// What a call into the library came to, as check() says it of the driver's.
Status check(const CublasLt &library, cublasStatus_t result, std::string_view during);

} // namespace dpcrt::cuda
