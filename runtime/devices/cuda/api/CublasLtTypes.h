// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The types of cuBLASLt that dpc uses, under the library's own names; as DriverTypes.h is for the
// driver's. The vendor's page: cuBLAS, "cuBLASLt Datatypes Reference".
#pragma once
#include "devices/cuda/api/DriverTypes.h"

namespace dpcrt::cuda {

#define DPCRT_CUDA_ENUM(type) enum type : unsigned {
#define DPCRT_CUDA_VALUE(name, value) name = value,
#define DPCRT_CUDA_ENUM_END(type) }
#include "devices/cuda/api/CublasLtEnums.def"

// What only the library looks into.
struct cublasLtContext;
struct cublasLtMatmulDescOpaque_t;
struct cublasLtMatrixLayoutOpaque_t;
struct cublasLtMatmulPreferenceOpaque_t;
using cublasLtHandle_t = cublasLtContext *;
using cublasLtMatmulDesc_t = cublasLtMatmulDescOpaque_t *;
using cublasLtMatrixLayout_t = cublasLtMatrixLayoutOpaque_t *;
using cublasLtMatmulPreference_t = cublasLtMatmulPreferenceOpaque_t *;

// An algorithm with its settings, which may be copied but not read.
struct cublasLtMatmulAlgo_t {
  uint64_t data[8];
};

// A proposal of cublasLtMatmulAlgoGetHeuristic; `state` says whether the rest is valid.
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};

} // namespace dpcrt::cuda
