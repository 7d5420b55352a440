// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which products of cuBLASLt a product of the program is: plain data and plain functions, without
// the library. It knows matrices by columns: of `rows` elements next to each other, `leading`
// apart, one of the two sources as it lies or transposed, the result as it lies. A result that
// lies by rows is the transposed product of the exchanged sources. Of batches the library has one
// distance; what does not merge into one becomes a list of parts, which are run in turn.
#pragma once
#include "devices/cuda/api/CublasLtTypes.h"
#include "program/format/Program.h"
#include "program/format/Status.h"
#include <vector>

namespace dpcrt::cuda {

// dst[b.., m, n] (+)= sum over k of lhs[b.., m, k] * rhs[b.., k, n]. Strides in elements: batch
// dimensions, then rows and columns.
struct ProductShape {
  std::vector<uint64_t> batch;
  uint64_t m = 1, n = 1, k = 1;
  std::vector<uint64_t> lhs, rhs, dst;
  bool accumulate = false;
};
ProductShape readProduct(const fb::Matmul &matmul);
// "2x3x4x5x6": batches, m, n and k.
std::string textOf(const ProductShape &shape);

// Of the matrix in memory, before it is transposed.
struct MatrixLayout {
  uint64_t rows = 1, columns = 1;
  int64_t leading = 1;
  int64_t batchStride = 0; // in elements, 0 where it repeats
  bool isTransposed = false;
};

struct ProductPlan {
  // The destination is `d`. `a` is the right source where they are exchanged, else the left one.
  bool isExchanged = false;
  MatrixLayout a, b, d;
  int32_t batchCount = 1;
  // Where each part begins, in elements of each matrix; at least one part.
  struct Part {
    uint64_t a = 0, b = 0, d = 0;
  };
  std::vector<Part> parts;
};

// Error (code Device) for what lies as the library does not take it. The shape came through the
// checker.
Status planProduct(const ProductShape &shape, ProductPlan &out);

struct ProductTypes {
  cudaDataType_t source = CUDA_R_32F, result = CUDA_R_32F, scale = CUDA_R_32F;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F_PEDANTIC;
};
// Error (code Device) for types that the library does not multiply.
Status typesOfProduct(Element lhs, Element rhs, Element dst, ProductTypes &out);

// The largest power of two, at most `address`, at whose multiples all parts of a matrix begin, of
// which `offsets` are in bytes.
uint32_t alignmentOfParts(uint64_t address, const std::vector<uint64_t> &offsets);

} // namespace dpcrt::cuda
