// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of element types.
#include "data/Element.h"
#include <cassert>
#include <cstring>

namespace dpcrt {
namespace {
struct Row {
  Element type;
  const char *name;
  uint64_t size;
  int integerBits; // value bits; 0: not an integer
};
constexpr Row rows[] = {
    {Element::F32, "f32", 4, 0},  {Element::F64, "f64", 8, 0},   {Element::I64, "i64", 8, 63},
    {Element::I32, "i32", 4, 31}, {Element::Bool, "bool", 1, 0}, {Element::BF16, "bf16", 2, 0},
    {Element::F16, "f16", 2, 0},  {Element::U8, "u8", 1, 8},     {Element::I16, "i16", 2, 15},
    {Element::I8, "i8", 1, 7},    {Element::U16, "u16", 2, 16},  {Element::U32, "u32", 4, 32},
    {Element::U64, "u64", 8, 64}};
const Row &row(Element type) { return rows[int(type)]; }

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

uint64_t sizeOf(Element type) { return row(type).size; }
bool isInteger(Element type) { return row(type).integerBits != 0; }
const char *nameOf(Element type) { return row(type).name; }

std::optional<Element> elementNamed(std::string_view name) {
  for (const Row &r : rows)
    if (name == r.name)
      return r.type;
  return std::nullopt;
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

bool canWiden(Element from, Element to) {
  if (from == to)
    return true;
  // Exporters of data write booleans as bytes too.
  if (to == Element::Bool)
    return from == Element::U8;
  if (to != Element::I64 && to != Element::I32)
    return false;
  return isInteger(from) && row(from).integerBits <= row(to).integerBits;
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
