// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Layouts and copies of matmul operands.
#include "devices/cpu/MatmulOperand.h"
#include <algorithm>
#include <cstring>

namespace dpcrt {
namespace {
using Dims = MatmulOperand::Dims;

// Lines whose starts are a multiple of this many elements apart (1 KiB) share an
// eighth of the sets of a first-level cache or fewer; a cache line more spreads them.
constexpr int64_t collidingStride = 256, padding = 16;
// Fewer lines than this fit the cache whatever their distance.
constexpr int64_t manyLines = 32;

// Visits lines along one dimension: visit(first, second, firstStep, secondStep, count),
// where both offsets are of the line's first element.
template <typename Visit>
void forLines(const Dims &shape, const Dims &first, const Dims &second, Visit visit) {
  // The inner loop runs where both layouts step least.
  size_t r = shape.size() - 2, c = shape.size() - 1;
  bool alongRows = std::min(first[r], second[r]) < std::min(first[c], second[c]) ||
                   (first[r] == 1 && second[r] == 1);
  size_t inner = alongRows ? r : c, outer = alongRows ? c : r;
  int64_t batches = 1;
  for (size_t i = 0; i < r; ++i)
    batches *= shape[i];
  for (int64_t batch = 0; batch < batches; ++batch) {
    int64_t a = 0, b = 0, rest = batch;
    for (size_t i = r; i-- > 0; rest /= shape[i]) {
      a += rest % shape[i] * first[i];
      b += rest % shape[i] * second[i];
    }
    for (int64_t line = 0; line < shape[outer]; ++line)
      visit(a + line * first[outer], b + line * second[outer], first[inner], second[inner],
            shape[inner]);
  }
}
} // namespace

MatmulOperand::MatmulOperand(Dims shape, Dims strides)
    : shape(std::move(shape)), strides(std::move(strides)) {
  // Strides of dimensions of size 1 mean nothing; give them what a packed layout
  // would have, so that equal layouts look equal to the library.
  const Dims &d = this->shape;
  Dims &s = this->strides;
  size_t r = d.size() - 2, c = d.size() - 1;
  if (d[c] == 1)
    s[c] = d[r] > 1 && s[r] > 1 ? 1 : d[r];
  if (d[r] == 1)
    s[r] = s[c] == 1 ? d[c] : 1;
  for (size_t i = 0; i < r; ++i)
    if (d[i] == 1)
      s[i] = std::max(d[r] * s[r], d[c] * s[c]);
}

bool MatmulOperand::isDirect() const {
  size_t r = shape.size() - 2, c = shape.size() - 1;
  return (strides[c] == 1 && strides[r] >= shape[c]) || (strides[r] == 1 && strides[c] >= shape[r]);
}

bool MatmulOperand::collides(unsigned axis) const {
  size_t summed = shape.size() - axis;
  return strides[summed] % collidingStride == 0 && shape[summed] >= manyLines;
}

void MatmulOperand::copyRowMajor() {
  copyStrides.assign(shape.size(), 1);
  for (size_t i = shape.size() - 1; i-- > 0;)
    copyStrides[i] = copyStrides[i + 1] * shape[i + 1];
}

void MatmulOperand::copyPadded() {
  size_t r = shape.size() - 2, c = shape.size() - 1;
  size_t inner = isRowMajor() ? c : r, outer = isRowMajor() ? r : c;
  copyStrides.assign(shape.size(), 1);
  copyStrides[outer] = (shape[inner] + padding - 1) / padding * padding;
  if (copyStrides[outer] % collidingStride == 0)
    copyStrides[outer] += padding;
  int64_t step = copyStrides[outer] * shape[outer];
  for (size_t i = r; i-- > 0; step *= shape[i])
    copyStrides[i] = step;
}

uint64_t MatmulOperand::copyBytes() const {
  int64_t last = 0;
  for (size_t i = 0; i < copyStrides.size(); ++i)
    last += (shape[i] - 1) * copyStrides[i];
  return isCopied() ? uint64_t(last + 1) * sizeof(float) : 0;
}

dnnl::memory::desc MatmulOperand::description() const {
  return dnnl::memory::desc(shape, dnnl::memory::data_type::f32,
                            isCopied() ? copyStrides : strides);
}

void MatmulOperand::copyIn(const float *memory, float *copy) const {
  forLines(shape, strides, copyStrides,
           [&](int64_t from, int64_t to, int64_t fromStep, int64_t toStep, int64_t count) {
             if (fromStep == 1 && toStep == 1) {
               std::memcpy(copy + to, memory + from, size_t(count) * sizeof(float));
               return;
             }
             for (int64_t i = 0; i < count; ++i)
               copy[to + i * toStep] = memory[from + i * fromStep];
           });
}

void MatmulOperand::copyOut(const float *copy, float *memory, bool add) const {
  forLines(shape, strides, copyStrides,
           [&](int64_t to, int64_t from, int64_t toStep, int64_t fromStep, int64_t count) {
             for (int64_t i = 0; i < count; ++i) {
               float &element = memory[to + i * toStep];
               float value = copy[from + i * fromStep];
               element = add ? element + value : value;
             }
           });
}

} // namespace dpcrt
