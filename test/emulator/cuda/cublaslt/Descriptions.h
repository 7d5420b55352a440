// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is multiplied, as programs describe it: the vendor's opaque handles, whose insides are here.
#ifndef DPC_TEST_EMULATOR_CUDA_CUBLASLT_DESCRIPTIONS_H
#define DPC_TEST_EMULATOR_CUDA_CUBLASLT_DESCRIPTIONS_H

#include "devices/cuda/api/CublasLtTypes.h"

#include <string>

namespace dpc::emulator {

struct Description {
  dpcrt::cuda::cublasComputeType_t compute = dpcrt::cuda::CUBLAS_COMPUTE_32F;
  dpcrt::cuda::cudaDataType_t scale = dpcrt::cuda::CUDA_R_32F;
  dpcrt::cuda::cublasLtPointerMode_t pointers = dpcrt::cuda::CUBLASLT_POINTER_MODE_HOST;
  bool transposesA = false, transposesB = false;
  int32_t multiprocessors = 0;
};

struct Layout {
  dpcrt::cuda::cudaDataType_t type = dpcrt::cuda::CUDA_R_32F;
  bool isByRows = false;
  uint64_t rows = 0, columns = 0;
  int64_t leading = 0;
  int32_t batches = 1;
  int64_t batchStride = 0;

  /// Of element (row, column), in elements.
  uint64_t at(uint64_t row, uint64_t column) const {
    return isByRows ? row * leading + column : column * leading + row;
  }
  /// From the first to behind the last element of one matrix.
  uint64_t extent() const { return rows && columns ? at(rows - 1, columns - 1) + 1 : 0; }
  uint64_t lines() const { return isByRows ? rows : columns; }
  uint64_t lineLength() const { return isByRows ? columns : rows; }
};

struct Preference {
  uint32_t searchMode = 0;
  uint64_t workspaceBytes = 0;
  uint32_t reductions = dpcrt::cuda::CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignments[4] = {256, 256, 256, 256}; ///< of A, B, C, D
};

/// 0 for one that is not known.
uint64_t sizeOf(dpcrt::cuda::cudaDataType_t type);

/// What there is of a handle; null for one that was not made here or has been destroyed.
const Description *find(dpcrt::cuda::cublasLtMatmulDesc_t handle);
const Layout *find(dpcrt::cuda::cublasLtMatrixLayout_t handle);
const Preference *find(dpcrt::cuda::cublasLtMatmulPreference_t handle);
bool isOpen(dpcrt::cuda::cublasLtHandle_t handle);

/// A product as a whole.
struct Problem {
  Description description;
  Layout a, b, c, d;
  /// The sizes of the product, of whatever kind the layouts are.
  uint64_t m() const { return d.rows; }
  uint64_t n() const { return d.columns; }
  uint64_t k() const { return description.transposesA ? a.rows : a.columns; }
  /// Why the library does not compute it; empty if it does. `isUnsupported`: it is described well.
  std::string refusal(bool &isUnsupported) const;
  /// Equal for equal problems.
  uint64_t hash() const;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_CUBLASLT_DESCRIPTIONS_H
