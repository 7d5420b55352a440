// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program/format/Element.h"

#include <iterator>

namespace dpcrt {
namespace {

struct Row {
  Element type;
  const char *name;
  ElementKind kind;
  unsigned bits;
  int onnx;
  const char *safetensors;
};
constexpr Row rows[] = {
#define DPC_ELEMENT(NAME, NUMBER, TEXT, KIND, BITS, ONNX, SAFETENSORS, MLIR)                       \
  {Element::NAME, TEXT, ElementKind::KIND, BITS, ONNX, SAFETENSORS},
#include "program/format/Element.def"
};

constexpr bool isDense() {
  for (size_t i = 0; i < std::size(rows); ++i)
    if (size_t(rows[i].type) != i)
      return false;
  return true;
}
static_assert(isDense(), "the table stands in the order of its numbers");

const Row &row(Element type) { return rows[size_t(type)]; }

template <typename Is> std::optional<Element> find(Is is) {
  for (const Row &r : rows)
    if (is(r))
      return r.type;
  return std::nullopt;
}

} // namespace

std::optional<Element> elementNumbered(uint8_t number) {
  return number < std::size(rows) ? std::optional(Element(number)) : std::nullopt;
}
std::optional<Element> elementNamed(std::string_view name) {
  return find([&](const Row &r) { return name == r.name; });
}
std::optional<Element> elementOfOnnx(int64_t number) {
  return find([&](const Row &r) { return number == r.onnx; });
}
std::optional<Element> elementOfSafetensors(std::string_view name) {
  return find([&](const Row &r) { return !name.empty() && name == r.safetensors; });
}

bool isSummed(Element type) {
  bool isSigned = isFloat(type) || kindOf(type) == ElementKind::Signed;
  return (isSigned && bitsOf(type) >= 32) || type == Element::F16 || type == Element::BF16;
}

const char *nameOf(Element type) { return row(type).name; }
ElementKind kindOf(Element type) { return row(type).kind; }
unsigned bitsOf(Element type) { return row(type).bits; }
uint64_t sizeOf(Element type) { return row(type).bits / 8; }
int onnxNumberOf(Element type) { return row(type).onnx; }
const char *safetensorsNameOf(Element type) { return row(type).safetensors; }

} // namespace dpcrt
