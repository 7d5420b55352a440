// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element types of files and programs, and the one conversion that data may
// undergo: narrower integers are widened, everything else must match.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dpcrt {

enum class Element { F32, F64, I64, I32, Bool, BF16, F16, U8, I16, I8, U16, U32, U64 };

uint64_t sizeOf(Element type);
bool isInteger(Element type); // Bool is not
// "f32", as in manifests and messages.
const char *nameOf(Element type);
std::optional<Element> elementNamed(std::string_view name);

// Elements of a shape times `unit`; nullopt if that does not fit 63 bits.
std::optional<uint64_t> byteSize(const std::vector<uint64_t> &shape, uint64_t unit);
std::string shapeText(const std::vector<uint64_t> &shape); // "[2, 128]"

bool canWiden(Element from, Element to); // true for equal types
void widen(Element from, const void *src, Element to, void *dst, uint64_t count);

} // namespace dpcrt
