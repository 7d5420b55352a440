// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library functions of the format as plans of this device.
#include "devices/cpu/LibraryPlan.h"
#include "devices/cpu/Matmul.h"
#include "devices/cpu/MatmulCall.h"

namespace dpcrt {

LibraryPlan::~LibraryPlan() = default;

CpuLibraries::CpuLibraries(unsigned cores)
    : cores(cores), matmul(std::make_unique<MatmulLibrary>(cores)) {}
CpuLibraries::~CpuLibraries() = default;

uint64_t CpuLibraries::scratchBytes() const { return matmul->scratchBytes(); }

Status planLibraryCall(const fb::LibraryCall &call, CpuLibraries &libraries,
                       std::unique_ptr<LibraryPlan> &out) {
  switch (call.function_type()) {
  case fb::LibraryFunction::Matmul:
    return makeMatmulCall(call, *libraries.matmul, out);
  case fb::LibraryFunction::NONE:
    break;
  }
  return error(Code::Artifact, "a library call is of a kind this runtime does not know");
}

} // namespace dpcrt
