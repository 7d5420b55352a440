// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// NVIDIA's driver, opened at run time: a table of its functions under their own names.
#pragma once
#include "devices/cuda/api/DriverTypes.h"
#include "devices/cuda/api/Libraries.h"
#include <string_view>

namespace dpcrt::cuda {

struct DriverFunctions {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) result(*name) parameters = nullptr;
#include "devices/cuda/api/DriverFunctions.def"
};

struct Driver : DriverFunctions {
  std::string path;
  int version = 0;     // of CUDA, as cuDriverGetVersion says it
  std::string release; // its own, "550.54.15"; empty where the file's name does not say it
};

// The oldest that will do, by what it says of itself, and in words.
constexpr int kLeastCuda = 12000;
extern const char *const kLeastDriver; // "driver 525 (CUDA 12.0)"

// Opens libcuda.so.1 and finds its functions, without calling into a GPU. Errors have code
// Device and say what is missing and what would be right.
Status openDriver(const LibraryPlaces &places, Driver &out);

// "CUDA 12.4, driver 550.54.15".
std::string versionText(const Driver &driver);

// What a call into the driver came to; `during` says in the caller's words what was done, with
// rank, stream and command. No error for CUDA_SUCCESS. The code is OutOfMemory where memory ran
// out, Artifact where the driver finds an image damaged, else Device.
Status check(const Driver &driver, CUresult result, std::string_view during);

} // namespace dpcrt::cuda
