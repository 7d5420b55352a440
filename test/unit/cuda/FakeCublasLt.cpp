// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What tests ask of a cuBLASLt that is none: versions and errors, as the environment says.
#include "devices/cuda/api/CublasLtTypes.h"
#include <cstdlib>

using namespace dpcrt::cuda;

static size_t given(const char *name, size_t otherwise) {
  const char *value = std::getenv(name);
  return value ? std::strtoul(value, nullptr, 10) : otherwise;
}

extern "C" {

size_t cublasLtGetVersion() { return given("FAKE_CUBLASLT_VERSION", 120405); }
size_t cublasLtGetCudartVersion() { return given("FAKE_CUBLASLT_CUDA", 12040); }

const char *cublasLtGetStatusName(cublasStatus_t status) {
  return status == CUBLAS_STATUS_ALLOC_FAILED    ? "CUBLAS_STATUS_ALLOC_FAILED"
         : status == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
                                                 : nullptr;
}

const char *cublasLtGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_ALLOC_FAILED    ? "the resource allocation failed"
         : status == CUBLAS_STATUS_NOT_SUPPORTED ? "the functionality is not supported"
                                                 : nullptr;
}

} // extern "C"
