// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A product of the program as Program.fbs says it, loop by loop: what tests hold others against.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace dpcrt::test {

// `shape` has batch, m, n, k, strides lhs, rhs and dst in elements, and accumulate. Sums are of
// the type `Sum`.
template <typename Sum, typename Shape, typename Source, typename Result>
void multiplyPlainly(const Shape &shape, const std::vector<Source> &lhs,
                     const std::vector<Source> &rhs, std::vector<Result> &dst) {
  uint64_t batches = 1;
  for (uint64_t extent : shape.batch)
    batches *= extent;
  const size_t row = shape.batch.size(), column = row + 1;
  for (uint64_t b = 0; b < batches; ++b) {
    uint64_t l = 0, r = 0, d = 0, rest = b;
    for (size_t i = row; i-- > 0; rest /= shape.batch[i]) {
      l += rest % shape.batch[i] * shape.lhs[i];
      r += rest % shape.batch[i] * shape.rhs[i];
      d += rest % shape.batch[i] * shape.dst[i];
    }
    for (uint64_t i = 0; i < shape.m; ++i)
      for (uint64_t j = 0; j < shape.n; ++j) {
        Sum sum = 0;
        for (uint64_t k = 0; k < shape.k; ++k)
          sum += Sum(lhs[l + i * shape.lhs[row] + k * shape.lhs[column]]) *
                 Sum(rhs[r + k * shape.rhs[row] + j * shape.rhs[column]]);
        Result &to = dst[d + i * shape.dst[row] + j * shape.dst[column]];
        to = Result(shape.accumulate ? to + sum : sum);
      }
  }
}

} // namespace dpcrt::test
