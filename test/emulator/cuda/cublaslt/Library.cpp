// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library as such: its versions, what its results are called, and every function of the list,
// so that it does not link without one of them.
#include "Exports.h"
#include "Interface.h"

#include <map>
#include <mutex>

namespace dpc::emulator {

__attribute__((used)) void (*const everyFunction[])() = {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) reinterpret_cast<void (*)()>(name),
#include "devices/cuda/api/CublasLtFunctions.def"
};

static const char *nameOf(cublasStatus_t status) {
  auto isStatus = [](std::string_view name) { return name.substr(0, 14) == "CUBLAS_STATUS_"; };
#define DPCRT_CUDA_ENUM(type)
#define DPCRT_CUDA_ENUM_END(type) static_assert(true)
#define DPCRT_CUDA_VALUE(name, value)                                                              \
  if (isStatus(#name) && status == static_cast<cublasStatus_t>(value))                             \
    return #name;
#include "devices/cuda/api/CublasLtEnums.def"
  return nullptr;
}

} // namespace dpc::emulator

size_t cublasLtGetVersion() {
  dpcEmulatorLibraryCall("cublasLtGetVersion");
  return 120900;
}

size_t cublasLtGetCudartVersion() {
  dpcEmulatorLibraryCall("cublasLtGetCudartVersion");
  return 12090;
}

const char *cublasLtGetStatusName(cublasStatus_t status) {
  const char *name = dpc::emulator::nameOf(status);
  return name ? name : "unknown status";
}

// The vendor's sentences are its own; the name says as much.
const char *cublasLtGetStatusString(cublasStatus_t status) {
  static std::map<cublasStatus_t, std::string> words;
  static std::mutex mutex;
  std::string text = cublasLtGetStatusName(status);
  if (text.substr(0, 14) == "CUBLAS_STATUS_")
    text = text.substr(14);
  for (char &c : text)
    c = c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
  std::lock_guard<std::mutex> lock(mutex);
  return words.try_emplace(status, text).first->second.c_str();
}
