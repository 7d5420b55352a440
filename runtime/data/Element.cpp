// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "data/Element.h"
#include "program/format/Half.h"
#include <cassert>
#include <cstring>

namespace dpcrt {
namespace {
// Value bits of an integer; 0 for other types.
unsigned valueBits(Element type) {
  return isInteger(type) ? bitsOf(type) - (kindOf(type) == ElementKind::Signed) : 0;
}

template <typename From, typename To> void widenAs(const void *src, void *dst, uint64_t count) {
  auto *to = static_cast<To *>(dst);
  auto *from = static_cast<const char *>(src);
  for (uint64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    to[i] = To(value);
  }
}

template <typename To> void widenTo(Element from, const void *src, void *dst, uint64_t count) {
  switch (from) {
  case Element::U8:
    return widenAs<uint8_t, To>(src, dst, count);
  case Element::I8:
    return widenAs<int8_t, To>(src, dst, count);
  case Element::U16:
    return widenAs<uint16_t, To>(src, dst, count);
  case Element::I16:
    return widenAs<int16_t, To>(src, dst, count);
  case Element::U32:
    return widenAs<uint32_t, To>(src, dst, count);
  case Element::I32:
    return widenAs<int32_t, To>(src, dst, count);
  default:
    assert(false && "canWiden was not asked");
  }
}
} // namespace

std::optional<double> numberOf(Element type, const void *element) {
  auto as = [&](auto value) {
    std::memcpy(&value, element, sizeof value);
    return double(value);
  };
  switch (type) {
  case Element::F32:
    return as(float());
  case Element::F64:
    return as(double());
  case Element::BF16:
  case Element::F16: {
    float value;
    uint16_t bits; // `element` may be unaligned
    std::memcpy(&bits, element, sizeof bits);
    widenHalf(type, &bits, &value, 1);
    return value;
  }
  case Element::Bool:
  case Element::U8:
    return as(uint8_t());
  case Element::I8:
    return as(int8_t());
  case Element::U16:
    return as(uint16_t());
  case Element::I16:
    return as(int16_t());
  case Element::U32:
    return as(uint32_t());
  case Element::I32:
    return as(int32_t());
  case Element::U64:
    return as(uint64_t());
  case Element::I64:
    return as(int64_t());
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> byteSize(const std::vector<uint64_t> &shape, uint64_t unit) {
  uint64_t bytes = unit;
  for (uint64_t d : shape)
    if (__builtin_mul_overflow(bytes, d, &bytes) || bytes >> 63)
      return std::nullopt;
  return bytes;
}

std::string shapeText(const std::vector<uint64_t> &shape) {
  std::string s = "[";
  for (uint64_t d : shape)
    s += (s.size() > 1 ? ", " : "") + std::to_string(d);
  return s + "]";
}

std::string placeText(const std::vector<uint64_t> &shape, uint64_t element) {
  std::vector<uint64_t> place(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    place[i] = shape[i] ? element % shape[i] : 0;
    element = shape[i] ? element / shape[i] : 0;
  }
  return shapeText(place);
}

bool canWiden(Element from, Element to) {
  if (from == to)
    return true;
  // Exporters of data write booleans as bytes too.
  if (to == Element::Bool)
    return from == Element::U8;
  if (to != Element::I64 && to != Element::I32)
    return false;
  return isInteger(from) && bitsOf(from) >= 8 && valueBits(from) <= valueBits(to);
}

void widen(Element from, const void *src, Element to, void *dst, uint64_t count) {
  if (from == to)
    std::memcpy(dst, src, count * sizeOf(to));
  else if (to == Element::Bool)
    for (uint64_t i = 0; i < count; ++i)
      static_cast<uint8_t *>(dst)[i] = static_cast<const uint8_t *>(src)[i] != 0;
  else if (to == Element::I64)
    widenTo<int64_t>(from, src, dst, count);
  else
    widenTo<int32_t>(from, src, dst, count);
}

} // namespace dpcrt
