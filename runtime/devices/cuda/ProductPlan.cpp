// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Strides to columns, and which batches the library walks.
#include "devices/cuda/ProductPlan.h"
#include <algorithm>

namespace dpcrt::cuda {
namespace {
// A matrix of the product, as its rows and columns are walked.
struct Matrix {
  uint64_t rows, columns, rowStride, columnStride;
};

Matrix transposed(const Matrix &m) { return {m.columns, m.rows, m.columnStride, m.rowStride}; }

// Whether it lies by columns; `out` has no batches yet. A dimension of one element has no stride
// to speak of: one row is columns of one element, whatever the distance between them.
bool liesByColumns(const Matrix &m, MatrixLayout &out) {
  if (m.rows > 1 && m.rowStride != 1)
    return false;
  const uint64_t leading = m.columns > 1 ? m.columnStride : m.rows;
  if (leading < m.rows)
    return false;
  out.rows = m.rows;
  out.columns = m.columns;
  out.leading = int64_t(leading);
  return true;
}

// Elements that are next to each other are rather a column than a row.
bool layOut(const Matrix &m, MatrixLayout &out) {
  const bool isRow = m.rows == 1 && m.columns > 1 && m.columnStride == 1;
  if (!isRow && liesByColumns(m, out))
    return true;
  if (liesByColumns(transposed(m), out)) {
    out.isTransposed = true;
    return true;
  }
  return isRow && liesByColumns(m, out);
}

struct Batch {
  uint64_t extent, lhs, rhs, dst;
};

// Without those of one element, and with those in one where all three matrices walk through both
// at one distance.
std::vector<Batch> mergedBatches(const ProductShape &shape) {
  std::vector<Batch> list;
  for (size_t i = 0; i < shape.batch.size(); ++i) {
    const Batch next = {shape.batch[i], shape.lhs[i], shape.rhs[i], shape.dst[i]};
    if (next.extent == 1)
      continue;
    if (!list.empty()) {
      Batch &last = list.back();
      auto merges = [&](uint64_t outer, uint64_t inner) {
        uint64_t whole = 0;
        return !__builtin_mul_overflow(inner, next.extent, &whole) && outer == whole;
      };
      if (merges(last.lhs, next.lhs) && merges(last.rhs, next.rhs) && merges(last.dst, next.dst)) {
        last = {last.extent * next.extent, next.lhs, next.rhs, next.dst};
        continue;
      }
    }
    list.push_back(next);
  }
  return list;
}

std::string describe(const char *name, const std::vector<uint64_t> &strides) {
  std::string text = std::string("its ") + name + " has the strides (";
  for (size_t i = 0; i < strides.size(); ++i)
    text += (i ? " " : "") + std::to_string(strides[i]);
  return text + "), where one of the last two must be 1 and the other step over it";
}
} // namespace

ProductShape readProduct(const fb::Matmul &matmul) {
  auto list = [](const flatbuffers::Vector<uint64_t> *from) {
    std::vector<uint64_t> to;
    for (uint64_t x : items(from))
      to.push_back(x);
    return to;
  };
  ProductShape shape;
  shape.batch = list(matmul.batch());
  shape.m = matmul.m();
  shape.n = matmul.n();
  shape.k = matmul.k();
  shape.lhs = list(matmul.lhs_strides());
  shape.rhs = list(matmul.rhs_strides());
  shape.dst = list(matmul.dst_strides());
  shape.accumulate = matmul.accumulate();
  return shape;
}

std::string textOf(const ProductShape &shape) {
  std::string text;
  for (uint64_t extent : shape.batch)
    text += std::to_string(extent) + "x";
  return text + std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" +
         std::to_string(shape.k);
}

Status planProduct(const ProductShape &shape, ProductPlan &out) {
  auto matrix = [&](const std::vector<uint64_t> &strides, uint64_t rows, uint64_t columns) {
    return Matrix{rows, columns, strides[strides.size() - 2], strides.back()};
  };
  auto refuse = [&](const char *name, const std::vector<uint64_t> &strides) {
    return error(Code::Device, "cuBLASLt does not compute the matmul ", textOf(shape), ": ",
                 describe(name, strides));
  };
  Matrix lhs = matrix(shape.lhs, shape.m, shape.k), rhs = matrix(shape.rhs, shape.k, shape.n),
         dst = matrix(shape.dst, shape.m, shape.n);
  ProductPlan plan;
  MatrixLayout result;
  if (!layOut(dst, result))
    return refuse("destination", shape.dst);
  plan.isExchanged = result.isTransposed;
  plan.d = result;
  plan.d.isTransposed = false;
  if (plan.isExchanged) {
    std::swap(lhs, rhs);
    lhs = transposed(lhs);
    rhs = transposed(rhs);
  }
  const std::vector<uint64_t> &aStrides = plan.isExchanged ? shape.rhs : shape.lhs;
  const std::vector<uint64_t> &bStrides = plan.isExchanged ? shape.lhs : shape.rhs;
  if (!layOut(lhs, plan.a))
    return refuse(plan.isExchanged ? "right source" : "left source", aStrides);
  if (!layOut(rhs, plan.b))
    return refuse(plan.isExchanged ? "left source" : "right source", bStrides);

  std::vector<Batch> batches = mergedBatches(shape);
  if (plan.isExchanged)
    for (Batch &batch : batches)
      std::swap(batch.lhs, batch.rhs);
  // The library walks the longest, of equal ones the last.
  if (!batches.empty()) {
    size_t longest = 0;
    for (size_t i = 1; i < batches.size(); ++i)
      if (batches[i].extent >= batches[longest].extent)
        longest = i;
    const Batch batch = batches[longest];
    batches.erase(batches.begin() + std::ptrdiff_t(longest));
    plan.batchCount = int32_t(batch.extent); // at most kMaxLibraryBlocks
    plan.a.batchStride = int64_t(batch.lhs);
    plan.b.batchStride = int64_t(batch.rhs);
    plan.d.batchStride = int64_t(batch.dst);
  }
  plan.parts.push_back({});
  for (const Batch &batch : batches) {
    std::vector<ProductPlan::Part> more;
    for (const ProductPlan::Part &part : plan.parts)
      for (uint64_t i = 0; i < batch.extent; ++i)
        more.push_back({part.a + i * batch.lhs, part.b + i * batch.rhs, part.d + i * batch.dst});
    plan.parts = std::move(more);
  }
  out = std::move(plan);
  return {};
}

Status typesOfProduct(Element lhs, Element rhs, Element dst, ProductTypes &out) {
  static const struct {
    Element source, result;
    ProductTypes types;
  } known[] = {
      {Element::F32,
       Element::F32,
       {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC}},
      {Element::F64, Element::F64, {CUDA_R_64F, CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F}},
      {Element::BF16, Element::BF16, {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F}},
      {Element::BF16, Element::F32, {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F}},
      {Element::F16, Element::F16, {CUDA_R_16F, CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F}},
      {Element::F16, Element::F32, {CUDA_R_16F, CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F}},
  };
  for (auto &row : known)
    if (lhs == row.source && rhs == row.source && dst == row.result) {
      out = row.types;
      return {};
    }
  return error(Code::Device, "cuBLASLt does not multiply ", nameOf(lhs), " by ", nameOf(rhs),
               " into ", nameOf(dst),
               "; two sources of one type, and a result of that or of f32, would be right");
}

uint32_t alignmentOfParts(uint64_t address, const std::vector<uint64_t> &offsets) {
  uint64_t bits = address;
  for (uint64_t offset : offsets)
    bits |= offset;
  return uint32_t(std::min<uint64_t>(bits & (~bits + 1), address));
}

} // namespace dpcrt::cuda
