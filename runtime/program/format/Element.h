// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element types, by the one table of Element.def.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace dpcrt {

enum class Element : uint8_t {
#define DPC_ELEMENT(NAME, NUMBER, ...) NAME = NUMBER,
#include "program/format/Element.def"
};

enum class ElementKind { Float, Signed, Unsigned, Boolean, Complex };

// What a program file says; nullopt for a number outside the table.
std::optional<Element> elementNumbered(uint8_t number);
// "f32", as in manifests and messages.
std::optional<Element> elementNamed(std::string_view name);
std::optional<Element> elementOfOnnx(int64_t number);
// "F32", as safetensors files say it.
std::optional<Element> elementOfSafetensors(std::string_view name);

const char *nameOf(Element type);
ElementKind kindOf(Element type);
unsigned bitsOf(Element type);
// Bytes of one element; 0 for types of which several share a byte.
uint64_t sizeOf(Element type);
int onnxNumberOf(Element type);
// "" where that format has none.
const char *safetensorsNameOf(Element type);

inline bool isFloat(Element type) { return kindOf(type) == ElementKind::Float; }
// Booleans are not.
inline bool isInteger(Element type) {
  return kindOf(type) == ElementKind::Signed || kindOf(type) == ElementKind::Unsigned;
}

// Whether a device adds values of this type: collectives that sum, accumulators.
bool isSummed(Element type);

} // namespace dpcrt
