// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which products the library computes. The page: cuBLAS, "cublasLtMatmul()".
#include "Descriptions.h"

namespace dpc::emulator {

using namespace dpcrt::cuda;

// Rows for a, b, c, d; which types go together.
static bool typesGoTogether(const Problem &p) {
  bool isDouble = p.description.compute == CUBLAS_COMPUTE_64F ||
                  p.description.compute == CUBLAS_COMPUTE_64F_PEDANTIC;
  bool isSingle = p.description.compute == CUBLAS_COMPUTE_32F ||
                  p.description.compute == CUBLAS_COMPUTE_32F_PEDANTIC;
  if (p.a.type != p.b.type || p.c.type != p.d.type || !sizeOf(p.a.type) || !sizeOf(p.d.type))
    return false;
  if (isDouble)
    return p.description.scale == CUDA_R_64F && p.a.type == CUDA_R_64F && p.d.type == CUDA_R_64F;
  if (!isSingle || p.description.scale != CUDA_R_32F || p.a.type == CUDA_R_64F)
    return false;
  return p.d.type == p.a.type || p.d.type == CUDA_R_32F;
}

static std::string shape(const Layout &layout) {
  return std::to_string(layout.rows) + " x " + std::to_string(layout.columns);
}

std::string Problem::refusal(bool &isUnsupported) const {
  isUnsupported = true;
  if (!typesGoTogether(*this))
    return "these types do not go together";
  isUnsupported = false;
  const std::pair<const Layout *, const char *> all[] = {
      {&a, "A"}, {&b, "B"}, {&c, "C"}, {&d, "D"}};
  for (auto [layout, name] : all) {
    if (!layout->rows || !layout->columns)
      return std::string(name) + " is empty, " + shape(*layout);
    if (layout->leading < static_cast<int64_t>(layout->lineLength()))
      return "the leading dimension of " + std::string(name) + " is " +
             std::to_string(layout->leading) + ", and its lines have " +
             std::to_string(layout->lineLength());
    if (layout->batches != d.batches)
      return std::string(name) + " has " + std::to_string(layout->batches) + " matrices, and D " +
             std::to_string(d.batches);
    if (layout->batchStride < 0)
      return "the batch stride of " + std::string(name) + " is negative";
  }
  uint64_t rowsOfA = description.transposesA ? a.columns : a.rows;
  uint64_t rowsOfB = description.transposesB ? b.columns : b.rows;
  uint64_t columnsOfB = description.transposesB ? b.rows : b.columns;
  if (rowsOfA != m() || rowsOfB != k() || columnsOfB != n() || c.rows != m() || c.columns != n())
    return "A is " + shape(a) + (description.transposesA ? " transposed" : "") + ", B " + shape(b) +
           (description.transposesB ? " transposed" : "") + ", C " + shape(c) + ", D " + shape(d);
  if (c.isByRows != d.isByRows)
    return "C and D have different orders";
  if (d.batches > 1 && static_cast<uint64_t>(d.batchStride) < d.lineLength())
    return "the matrices of D overlap";
  return "";
}

uint64_t Problem::hash() const {
  uint64_t value = 14695981039346656037u;
  auto add = [&](uint64_t x) {
    for (int i = 0; i < 8; ++i)
      value = (value ^ (x >> 8 * i & 0xff)) * 1099511628211u;
  };
  for (uint64_t x : {uint64_t(description.compute), uint64_t(description.scale),
                     uint64_t(description.transposesA), uint64_t(description.transposesB)})
    add(x);
  for (const Layout *l : {&a, &b, &c, &d})
    for (uint64_t x : {uint64_t(l->type), uint64_t(l->isByRows), l->rows, l->columns,
                       uint64_t(l->leading), uint64_t(l->batches), uint64_t(l->batchStride)})
      add(x);
  return value;
}

} // namespace dpc::emulator
