// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Interface.h.
#include "Interface.h"

#include "Emulator.h"

using namespace dpc::emulator;
using namespace dpcrt::cuda;

void dpcEmulatorMark(const char *name) {
  Emulator &the = emulator();
  std::lock_guard<std::mutex> lock(the.mutex);
  the.log.write(JsonLine().add("mark", name).add("at", now()));
}

uint32_t dpcEmulatorLibraryCall(const char *function) {
  uint32_t result = 0;
  call(function, kAnyTime, [&](Call &) { return CUDA_SUCCESS; }, &result);
  return result;
}

bool dpcEmulatorHasContext() {
  Emulator &the = emulator();
  std::lock_guard<std::mutex> lock(the.mutex);
  const std::vector<uint64_t> &contexts = contextsOfThread();
  return !contexts.empty() && contexts.back() == the.context && the.retained != 0;
}

bool dpcEmulatorMayUse(const char *function, uint64_t address, uint64_t bytes, const char *verb) {
  return call(function, kPlain | kNested, [&](Call &c) {
           const Allocation *place = nullptr;
           CUresult result = c.checkBytes(address, bytes, verb, place);
           if (result == CUDA_SUCCESS && !place)
             result = c.violate("Unified Addressing",
                                std::string(verb) + " " + hexadecimal(address) +
                                    ", which is no memory of the device's",
                                CUDA_ERROR_INVALID_VALUE);
           return result;
         }) == CUDA_SUCCESS;
}

char *dpcEmulatorAt(uint64_t address) { return emulator().memory.at(address); }

void dpcEmulatorViolation(const char *rule, const char *what) { violation(rule, what); }

void dpcEmulatorExplain(const char *what) { explain(what); }

uint32_t dpcEmulatorSubmit(const char *function, CUstream handle, Work *work) {
  return call(function, kPlain | kNested, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    return stream ? c.submit(*stream, std::move(*work)) : CUDA_ERROR_INVALID_HANDLE;
  });
}
