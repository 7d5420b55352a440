// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The matmul of Program.fbs.
#include "program/format/LibraryFunctions.h"

#include <algorithm>
#include <numeric>
#include <ostream>

using namespace dpcrt;

namespace {

constexpr size_t kMaxBatchDimensions = kMaxLibraryDimensions - 2;

struct Side {
  const char *name;
  uint64_t rows, columns;
  std::vector<uint64_t> strides;
  const fb::Buffer &operand;
  bool written;
};

/// "reaches beyond ...", "has strides ...", or nothing.
std::string findProblem(const Side &s, const std::vector<uint64_t> &batch) {
  if (s.strides.size() != batch.size() + 2)
    return "gives " + std::to_string(s.strides.size()) + " strides for " + s.name + ", which has " +
           std::to_string(batch.size() + 2) + " dimensions";
  std::vector<uint64_t> dims = batch;
  dims.push_back(s.rows);
  dims.push_back(s.columns);
  uint64_t elements = 0;
  if (!reachOf(dims, s.strides, elements) ||
      elements > s.operand.bytes() / sizeOf(elementOf(s.operand)))
    return "reaches beyond the " + std::to_string(s.operand.bytes()) + " bytes of " + s.name;
  // An element of the destination must not be reached in two ways, and the matrix
  // dimensions of a source must not repeat.
  std::vector<uint32_t> byStride(dims.size());
  std::iota(byStride.begin(), byStride.end(), 0);
  std::sort(byStride.begin(), byStride.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(s.strides[a], a) < std::pair(s.strides[b], b);
  });
  uint64_t covered = 1;
  for (uint32_t d : byStride) {
    bool mayRepeat = !s.written && d < batch.size();
    if (dims[d] == 1 || (mayRepeat && s.strides[d] == 0))
      continue;
    if (s.written ? s.strides[d] < covered : s.strides[d] == 0)
      return std::string("has strides of ") + s.name + " by which elements coincide";
    covered += (dims[d] - 1) * s.strides[d];
  }
  return "";
}

/// More than kMaxLibraryBlocks also where their number overflows.
uint64_t countBlocks(const fb::Matmul &matmul, const std::vector<uint64_t> &batch) {
  auto pieces = [](uint64_t size, uint64_t piece) { return size / piece + (size % piece != 0); };
  uint64_t blocks = pieces(matmul.m(), matmul.block_rows());
  bool fits = !__builtin_mul_overflow(blocks, pieces(matmul.n(), matmul.block_columns()), &blocks);
  for (uint64_t size : batch)
    fits = fits && !__builtin_mul_overflow(blocks, size, &blocks);
  return fits ? blocks : ~uint64_t(0);
}

class MatmulFunction : public LibraryFunction {
  const char *name() const override { return "matmul"; }

  std::string findProblem(const LibraryDescription &described) const override {
    const fb::Matmul &matmul = *described.call.function_as_Matmul();
    std::vector<uint64_t> batch = described.read(matmul.batch());
    if (batch.size() > kMaxBatchDimensions)
      return "has " + std::to_string(batch.size()) + " batch dimensions; at most " +
             std::to_string(kMaxBatchDimensions) + " are allowed";
    if (std::count(batch.begin(), batch.end(), 0) || matmul.m() == 0 || matmul.n() == 0 ||
        matmul.k() == 0)
      return "has a dimension of size 0";
    if (matmul.block_rows() == 0 || matmul.block_columns() == 0)
      return "is dealt in blocks of size 0";
    if (countBlocks(matmul, batch) > kMaxLibraryBlocks)
      return "is dealt in more than " + std::to_string(kMaxLibraryBlocks) + " blocks";

    const std::vector<fb::Buffer> &operands = described.operands;
    if (std::string problem =
            productOperandsProblem(operands, {"lhs", "rhs", "destination"}, matmul.accumulate());
        !problem.empty())
      return problem;
    const Side sides[] = {
        {"lhs", matmul.m(), matmul.k(), described.read(matmul.lhs_strides()), operands[0], false},
        {"rhs", matmul.k(), matmul.n(), described.read(matmul.rhs_strides()), operands[1], false},
        {"dst", matmul.m(), matmul.n(), described.read(matmul.dst_strides()), operands[2], true}};
    for (const Side &side : sides)
      if (std::string problem = ::findProblem(side, batch); !problem.empty())
        return problem;
    return "";
  }

  void print(std::ostream &out, const fb::LibraryCall &call) const override {
    const fb::Matmul &matmul = *call.function_as_Matmul();
    for (uint64_t size : items(matmul.batch()))
      out << size << "x";
    out << matmul.m() << "x" << matmul.n() << "x" << matmul.k() << " strides";
    for (const auto *strides : {matmul.lhs_strides(), matmul.rhs_strides(), matmul.dst_strides()}) {
      const char *separator = " (";
      for (uint64_t stride : items(strides)) {
        out << separator << stride;
        separator = " ";
      }
      out << ")";
    }
    out << " blocks of " << matmul.block_rows() << "x" << matmul.block_columns()
        << (matmul.accumulate() ? ", accumulates" : "");
  }
};

} // namespace

const LibraryFunction &dpcrt::matmulFunction() {
  static const MatmulFunction function;
  return function;
}
