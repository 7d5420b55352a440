// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names every function of the list, so that the library does not link without one of them; and
// what results are called.
#include "Exports.h"

#include "Emulator.h"

using namespace dpc::emulator;

namespace dpc::emulator {

__attribute__((used)) void (*const everyFunction[])() = {
#define DPCRT_CUDA_FUNCTION(result, name, parameters) reinterpret_cast<void (*)()>(name),
#include "devices/cuda/api/DriverFunctions.def"
};

const char *nameOf(CUresult result) {
  auto isResult = [](std::string_view name) { return name.substr(0, 5) == "CUDA_"; };
#define DPCRT_CUDA_ENUM(type)
#define DPCRT_CUDA_ENUM_END(type) static_assert(true)
#define DPCRT_CUDA_VALUE(name, value)                                                              \
  if (isResult(#name) && result == static_cast<CUresult>(value))                                   \
    return #name;
#include "devices/cuda/api/DriverEnums.def"
  return nullptr;
}

} // namespace dpc::emulator

// The vendor's sentences are its own; the name says as much.
static std::string wordsOf(const char *name) {
  std::string words = name;
  words = words.substr(words.find('_') + 1);
  if (words.substr(0, 6) == "ERROR_")
    words = words.substr(6);
  for (char &c : words)
    c = c == '_' ? ' ' : std::tolower(static_cast<unsigned char>(c));
  return words;
}

CUresult cuGetErrorName(CUresult error, const char **text) {
  if (!text)
    return CUDA_ERROR_INVALID_VALUE;
  *text = nameOf(error);
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  static std::map<CUresult, std::string> words;
  static std::mutex mutex;
  if (!text)
    return CUDA_ERROR_INVALID_VALUE;
  *text = nullptr;
  const char *name = nameOf(error);
  if (!name)
    return CUDA_ERROR_INVALID_VALUE;
  std::lock_guard<std::mutex> lock(mutex);
  *text = words.try_emplace(error, wordsOf(name)).first->second.c_str();
  return CUDA_SUCCESS;
}
