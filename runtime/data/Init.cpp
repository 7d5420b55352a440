// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Philox4x32-10 and what is drawn from it.
#include "data/Init.h"
#include <cmath>

namespace dpcrt {
namespace {
struct Key {
  uint32_t k0, k1;
};
struct Block {
  uint32_t x[4];
};

// FNV-1a over the name, folded into the seed by the finaliser of SplitMix64.
Key makeKey(uint64_t seed, std::string_view name) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (unsigned char c : name)
    h = (h ^ c) * 0x100000001b3ull;
  h ^= seed + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ h >> 27) * 0x94d049bb133111ebull;
  h ^= h >> 31;
  return {uint32_t(h), uint32_t(h >> 32)};
}

Block philox(Key key, uint64_t index) {
  uint32_t c0 = uint32_t(index), c1 = uint32_t(index >> 32), c2 = 0, c3 = 0;
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(0xD2511F53) * c0, p1 = uint64_t(0xCD9E8D57) * c2;
    uint32_t n0 = uint32_t(p1 >> 32) ^ c1 ^ key.k0, n1 = uint32_t(p1);
    uint32_t n2 = uint32_t(p0 >> 32) ^ c3 ^ key.k1, n3 = uint32_t(p0);
    c0 = n0, c1 = n1, c2 = n2, c3 = n3;
    key.k0 += 0x9E3779B9, key.k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

uint64_t bits(Block b, int half) {
  return uint64_t(b.x[2 * half]) | uint64_t(b.x[2 * half + 1]) << 32;
}

double normal(Key key, uint64_t index) {
  Block b = philox(key, index);
  // 53 bits each; u1 in (0, 1] so that its logarithm is finite.
  double u1 = (double(bits(b, 0) >> 11) + 1) * 0x1p-53;
  double u2 = double(bits(b, 1) >> 11) * 0x1p-53;
  return std::sqrt(-2 * std::log(u1)) * std::cos(6.283185307179586477 * u2);
}
} // namespace

void fillInit(float *out, uint64_t first, uint64_t count, uint64_t seed, std::string_view name,
              InitKind kind, double stddev) {
  Key key = makeKey(seed, name);
  for (uint64_t i = 0; i < count; ++i)
    out[i] = kind == InitKind::Zeros  ? 0.0f
             : kind == InitKind::Ones ? 1.0f
                                      : float(stddev * normal(key, first + i));
}

uint64_t randomBits(uint64_t seed, std::string_view name, uint64_t index) {
  return bits(philox(makeKey(seed, name), index), 0);
}

double randomNormal(uint64_t seed, std::string_view name, uint64_t index) {
  return normal(makeKey(seed, name), index);
}

} // namespace dpcrt
