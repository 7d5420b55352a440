// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Product.h.
#include "Product.h"

#include "Floats.h"

#include <cstring>
#include <vector>

namespace dpc::emulator {

using namespace dpcrt::cuda;

// Compute is float or double, which holds every type of the sources exactly.
template <typename Compute>
static Compute load(const char *place, uint64_t index, cudaDataType_t type) {
  uint16_t half = 0;
  uint32_t bits = 0;
  float single = 0;
  double twice = 0;
  switch (type) {
  case CUDA_R_32F:
    std::memcpy(&single, place + index * 4, 4);
    return single;
  case CUDA_R_64F:
    std::memcpy(&twice, place + index * 8, 8);
    return static_cast<Compute>(twice);
  case CUDA_R_16F:
    std::memcpy(&half, place + index * 2, 2);
    return halfToFloat(half);
  case CUDA_R_16BF:
    std::memcpy(&half, place + index * 2, 2);
    bits = uint32_t(half) << 16;
    std::memcpy(&single, &bits, 4);
    return single;
  }
  return 0;
}

template <typename Compute>
static void store(char *place, uint64_t index, cudaDataType_t type, Compute value) {
  float single = static_cast<float>(value);
  double twice = value;
  uint16_t half = 0;
  switch (type) {
  case CUDA_R_32F:
    std::memcpy(place + index * 4, &single, 4);
    break;
  case CUDA_R_64F:
    std::memcpy(place + index * 8, &twice, 8);
    break;
  case CUDA_R_16F:
    half = doubleToHalf(twice);
    std::memcpy(place + index * 2, &half, 2);
    break;
  case CUDA_R_16BF:
    half = doubleToBFloat(twice);
    std::memcpy(place + index * 2, &half, 2);
    break;
  }
}

// One matrix as rows · columns of numbers, by rows.
template <typename Compute>
static std::vector<Compute> gather(const char *place, const Layout &layout, bool transposes) {
  uint64_t rows = transposes ? layout.columns : layout.rows;
  uint64_t columns = transposes ? layout.rows : layout.columns;
  std::vector<Compute> values(rows * columns);
  for (uint64_t i = 0; i < rows; ++i)
    for (uint64_t j = 0; j < columns; ++j)
      values[i * columns + j] =
          load<Compute>(place, transposes ? layout.at(j, i) : layout.at(i, j), layout.type);
  return values;
}

template <typename Compute>
static void multiplyOne(const Problem &p, const Operands &o, uint64_t batch, uint64_t first) {
  auto at = [&](const char *place, const Layout &layout) {
    return place + batch * layout.batchStride * sizeOf(layout.type);
  };
  std::vector<Compute> a = gather<Compute>(at(o.a, p.a), p.a, p.description.transposesA);
  std::vector<Compute> b = gather<Compute>(at(o.b, p.b), p.b, p.description.transposesB);
  Compute alpha, beta;
  std::memcpy(&alpha, o.alpha, sizeof alpha);
  std::memcpy(&beta, o.beta, sizeof beta);
  uint64_t n = p.n(), k = p.k();
  std::vector<Compute> sums(n);
  char *d = o.d + batch * p.d.batchStride * sizeOf(p.d.type);
  for (uint64_t i = 0; i < p.m(); ++i) {
    std::fill(sums.begin(), sums.end(), Compute(0));
    for (uint64_t step = 0; step < k; ++step) {
      uint64_t term = (first + step) % k;
      Compute left = a[i * k + term];
      const Compute *right = b.data() + term * n;
      for (uint64_t j = 0; j < n; ++j)
        sums[j] += left * right[j];
    }
    for (uint64_t j = 0; j < n; ++j) {
      Compute value = alpha * sums[j];
      if (beta != 0)
        value += beta * load<Compute>(at(o.c, p.c), p.c.at(i, j), p.c.type);
      store(d, p.d.at(i, j), p.d.type, value);
    }
  }
}

void multiply(const Problem &problem, const Operands &operands, uint64_t first) {
  for (int32_t batch = 0; batch < problem.d.batches; ++batch)
    if (problem.description.scale == CUDA_R_64F)
      multiplyOne<double>(problem, operands, batch, first);
    else
      multiplyOne<float>(problem, operands, batch, first);
}

} // namespace dpc::emulator
