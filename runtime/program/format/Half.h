// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Elements of 16 bits and f32: what is computed is f32, what is stored is rounded to
// the nearest, ties to even, once.
#pragma once
#include "program/format/Element.h"
#include <cassert>
#include <cstring>

namespace dpcrt {

inline float widenBF16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

inline uint16_t narrowBF16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  // A NaN whose payload lies in the lower half alone must not become infinite.
  uint32_t quiet = (bits >> 16) | 0x40;
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return uint16_t((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}

// `src` has `count` elements of BF16 or F16.
inline void widenHalf(Element type, const void *src, float *dst, uint64_t count) {
  if (type == Element::BF16) {
    auto *from = static_cast<const uint16_t *>(src);
    for (uint64_t i = 0; i < count; ++i)
      dst[i] = widenBF16(from[i]);
  } else {
    assert(type == Element::F16);
    auto *from = static_cast<const _Float16 *>(src);
    for (uint64_t i = 0; i < count; ++i)
      dst[i] = float(from[i]);
  }
}

inline void narrowHalf(Element type, const float *src, void *dst, uint64_t count) {
  if (type == Element::BF16) {
    auto *to = static_cast<uint16_t *>(dst);
    for (uint64_t i = 0; i < count; ++i)
      to[i] = narrowBF16(src[i]);
  } else {
    assert(type == Element::F16);
    auto *to = static_cast<_Float16 *>(dst);
    for (uint64_t i = 0; i < count; ++i)
      to[i] = _Float16(src[i]);
  }
}

} // namespace dpcrt
