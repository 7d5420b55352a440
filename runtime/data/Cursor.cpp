// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order in which rows are taken.
#include "data/Cursor.h"

namespace dpcrt {
namespace {
uint64_t mix(uint64_t x) { // the finaliser of SplitMix64
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}
} // namespace

uint64_t permute(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch) {
  if (count < 2)
    return 0;
  int half = 1;
  while (half < 31 && (uint64_t(1) << (2 * half)) < count)
    ++half;
  uint64_t mask = (uint64_t(1) << half) - 1;
  uint64_t key = mix(seed + 0x9e3779b97f4a7c15ull * (epoch + 1));
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint64_t round = 1; round <= 6; ++round) {
      uint64_t next = left ^ (mix(key + round * 0xd1342543de82ef95ull + right) & mask);
      left = right;
      right = next;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

uint64_t Cursor::row(uint64_t c) const {
  if (rows == 0)
    return c;
  uint64_t index = c % rows, epoch = c / rows;
  return shuffleSeed ? permute(index, rows, *shuffleSeed, epoch) : index;
}

std::optional<uint64_t> Cursor::total() const {
  if (rows == 0 || epochs == 0)
    return std::nullopt;
  uint64_t n;
  if (__builtin_mul_overflow(rows, epochs, &n))
    return std::nullopt;
  return n;
}

} // namespace dpcrt
