// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library functions of the format as plans of this device.
#include "devices/cpu/Convolution.h"
#include "devices/cpu/Matmul.h"
#include "devices/cpu/ProductCall.h"

namespace dpcrt {

LibraryPlan::~LibraryPlan() = default;

CpuLibraries::CpuLibraries(unsigned cores)
    : matmul(std::make_unique<MatmulLibrary>(cores)),
      convolution(std::make_unique<ConvolutionLibrary>(cores)) {}
CpuLibraries::~CpuLibraries() = default;

uint64_t CpuLibraries::scratchBytes() const {
  return std::max(matmul->scratchBytes(), convolution->scratchBytes());
}

static Status planMatmul(const fb::LibraryCall &call, MatmulLibrary &library,
                         std::unique_ptr<LibraryPlan> &out) {
  MatmulShape shape;
  std::unique_ptr<MatmulPlan> plan;
  if (Status s = readMatmul(*call.function_as_Matmul(), shape); !s.ok())
    return s;
  if (Status s = MatmulPlan::make(shape, library, plan); !s.ok())
    return s;
  out = std::make_unique<ProductCall<MatmulPlan>>(call, std::move(plan), shape.accumulate);
  return {};
}

static Status planConvolution(const fb::LibraryCall &call, ConvolutionLibrary &library,
                              std::unique_ptr<LibraryPlan> &out) {
  ConvolutionShape shape = readConvolution(*call.function_as_Convolution(),
                                           [](const auto *list) { return items(list); });
  std::unique_ptr<ConvolutionPlan> plan;
  if (Status s = ConvolutionPlan::make(shape, library, plan); !s.ok())
    return s;
  out = std::make_unique<ProductCall<ConvolutionPlan>>(call, std::move(plan), shape.accumulate);
  return {};
}

Status planLibraryCall(const fb::LibraryCall &call, CpuLibraries &libraries,
                       std::unique_ptr<LibraryPlan> &out) {
  switch (call.function_type()) {
  case fb::LibraryFunction::Matmul:
    return planMatmul(call, *libraries.matmul, out);
  case fb::LibraryFunction::Convolution:
    return planConvolution(call, *libraries.convolution, out);
  case fb::LibraryFunction::NONE:
    break;
  }
  return error(Code::Artifact, "a library call is of a kind this runtime does not know");
}

} // namespace dpcrt
