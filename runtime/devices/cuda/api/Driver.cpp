// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening libcuda.so.1, and what its results mean.
#include "devices/cuda/api/Driver.h"
#include <cctype>

namespace dpcrt::cuda {
namespace {
// The driver's file is named by its release: libcuda.so.550.54.15. A stand-in's need not be.
std::string releaseIn(const std::string &path) {
  size_t at = path.rfind(".so.");
  if (at == std::string::npos)
    return {};
  std::string release = path.substr(at + 4);
  for (char c : release)
    if (!std::isdigit(static_cast<unsigned char>(c)) && c != '.')
      return {};
  return release.find('.') == std::string::npos ? "" : release;
}

Code codeOf(CUresult result) {
  switch (result) {
  case CUDA_ERROR_OUT_OF_MEMORY:
    return Code::OutOfMemory;
  case CUDA_ERROR_INVALID_IMAGE:
  case CUDA_ERROR_INVALID_PTX:
  case CUDA_ERROR_INVALID_SOURCE:
    return Code::Artifact;
  default:
    return Code::Device;
  }
}
} // namespace

const char *const kLeastDriver = "driver 525 (CUDA 12.0)";

Status openDriver(const LibraryPlaces &places, Driver &out) {
  Library library;
  std::string least = std::string("NVIDIA's ") + kLeastDriver + " or newer";
  if (Status s = openLibrary(places, {"libcuda.so.1"}, least + " brings it", library); !s.ok())
    return s;
  out.path = library.path;
  out.release = releaseIn(library.path);
  std::vector<Symbol> symbols;
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  symbols.push_back({#name, reinterpret_cast<void **>(&out.name)});
#include "devices/cuda/api/DriverFunctions.def"
  Status found = findSymbols(library, symbols, least);
  // What an old driver lacks is explained by its age.
  if (!out.cuDriverGetVersion)
    return found;
  CUresult result = out.cuDriverGetVersion(&out.version);
  if (result == CUDA_ERROR_STUB_LIBRARY)
    return error(Code::Device, "the library '", out.path,
                 "' is a stub, for programs to be linked with; ", least, " brings the real one");
  if (result != CUDA_SUCCESS)
    return found.ok() ? check(out, result, "cuDriverGetVersion") : found;
  if (out.version < kLeastCuda)
    return error(Code::Device, "the driver '", out.path, "' is of CUDA ",
                 cudaVersionText(out.version), "; the least is ", kLeastDriver);
  return found;
}

std::string versionText(const Driver &driver) {
  std::string text = "CUDA " + cudaVersionText(driver.version);
  return driver.release.empty() ? text : text + ", driver " + driver.release;
}

Status check(const Driver &driver, CUresult result, std::string_view during) {
  if (result == CUDA_SUCCESS)
    return {};
  // Of a result that the driver does not know, it says nothing.
  const char *name = nullptr, *words = nullptr;
  driver.cuGetErrorName(result, &name);
  driver.cuGetErrorString(result, &words);
  std::string known = name ? name : "error " + std::to_string(result);
  return error(codeOf(result), during, ": ", known, words ? ", " : "", words ? words : "");
}

} // namespace dpcrt::cuda
