// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sizes of tensors, values of elements, and the one conversion that data may undergo: narrower
// integers are widened, everything else must match.
#pragma once
#include "program/format/Element.h"
#include <optional>
#include <string>
#include <vector>

namespace dpcrt {

// Elements of a shape times `unit`; nullopt if that does not fit 63 bits.
std::optional<uint64_t> byteSize(const std::vector<uint64_t> &shape, uint64_t unit);
std::string shapeText(const std::vector<uint64_t> &shape); // "[2, 128]"
// The place of an element in row-major order, in the same form.
std::string placeText(const std::vector<uint64_t> &shape, uint64_t element);

// The value of an element; nullopt for types that are no numbers to the runtime: complex
// ones, and those of fewer than 16 bits that are neither integers nor booleans.
std::optional<double> numberOf(Element type, const void *element);

bool canWiden(Element from, Element to); // true for equal types
void widen(Element from, const void *src, Element to, void *dst, uint64_t count);

} // namespace dpcrt
