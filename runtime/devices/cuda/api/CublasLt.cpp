// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening the newest cuBLASLt that the driver can run.
#include "devices/cuda/api/CublasLt.h"

namespace dpcrt::cuda {
namespace {
constexpr size_t kLeastVersion = 120000;

std::string versionIn(size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}
} // namespace

const char *const kLeastCublasLt = "cuBLASLt 12";

Status openCublasLt(const LibraryPlaces &places, int driver, CublasLt &out) {
  std::vector<std::string> names = {"libcublasLt.so.13", "libcublasLt.so.12"};
  std::string brings = "a CUDA toolkit brings it, or the Python package nvidia-cublas";
  if (driver && driver < 13000) {
    names.erase(names.begin());
    brings = "a toolkit of CUDA 12 brings it, or the Python package nvidia-cublas-cu12 (the driver "
             "is of CUDA " +
             cudaVersionText(driver) + " and does not run cuBLASLt 13)";
  }
  Library library;
  if (Status s = openLibrary(places, names, brings, library); !s.ok())
    return s;
  out.path = library.path;
  std::vector<Symbol> symbols;
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  symbols.push_back({#name, reinterpret_cast<void **>(&out.name)});
#include "devices/cuda/api/CublasLtFunctions.def"
  Status found = findSymbols(library, symbols, std::string(kLeastCublasLt) + " or newer");
  // What an old library lacks is explained by its age.
  if (out.cublasLtGetVersion) {
    size_t version = out.cublasLtGetVersion();
    out.version = versionIn(version);
    if (version < kLeastVersion)
      return error(Code::Device, "the library '", out.path, "' is cuBLASLt ", out.version,
                   "; the least is ", kLeastCublasLt);
  }
  if (!found.ok())
    return found;
  out.cuda = static_cast<int>(out.cublasLtGetCudartVersion());
  if (driver && out.cuda / 1000 > driver / 1000)
    return error(Code::Device, "the library '", out.path, "' (cuBLASLt ", out.version,
                 ") is of CUDA ", cudaVersionText(out.cuda), ", and the driver of CUDA ",
                 cudaVersionText(driver), "; a driver runs libraries of its own major version and ",
                 "of older ones");
  return {};
}

Status check(const CublasLt &library, cublasStatus_t result, std::string_view during) {
  if (result == CUBLAS_STATUS_SUCCESS)
    return {};
  Code code = result == CUBLAS_STATUS_ALLOC_FAILED ? Code::OutOfMemory : Code::Device;
  const char *name = library.cublasLtGetStatusName(result);
  const char *words = library.cublasLtGetStatusString(result);
  std::string known = name ? name : "status " + std::to_string(result);
  return error(code, during, ": ", known, words ? ", " : "", words ? words : "");
}

} // namespace dpcrt::cuda
