// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of element types, and its ways in and out.
#include "data/Element.h"

#include <gtest/gtest.h>
#include <set>

namespace dpcrt {
namespace {

std::vector<Element> all() {
  std::vector<Element> types;
  for (unsigned number = 0; auto type = elementNumbered(uint8_t(number)); ++number)
    types.push_back(*type);
  return types;
}

TEST(Element, NamesLeadBack) {
  std::set<int> onnx;
  std::set<std::string> names;
  for (Element type : all()) {
    EXPECT_EQ(elementNamed(nameOf(type)), type);
    EXPECT_EQ(elementOfOnnx(onnxNumberOf(type)), type) << nameOf(type);
    std::string stored = safetensorsNameOf(type);
    if (!stored.empty()) {
      EXPECT_EQ(elementOfSafetensors(stored), type);
    }
    EXPECT_TRUE(onnx.insert(onnxNumberOf(type)).second) << nameOf(type);
    EXPECT_TRUE(names.insert(nameOf(type)).second) << nameOf(type);
  }
  // Undefined, strings, and the two floats of six bits, which are no type of a byte's parts.
  for (int number = 1; number <= 26; ++number)
    EXPECT_EQ(elementOfOnnx(number).has_value(), number != 8) << number;
  EXPECT_FALSE(elementOfOnnx(0));
  EXPECT_FALSE(elementNamed("f31"));
  EXPECT_FALSE(elementOfSafetensors(""));
  EXPECT_FALSE(elementOfSafetensors("f32"));
}

// Program files hold these numbers.
TEST(Element, NumbersStay) {
  const char *names[] = {"f32", "f64", "i64", "i32", "bool", "bf16", "f16", "u8",
                         "i16", "i8",  "u16", "u32", "u64",  "c64",  "c128"};
  for (unsigned number = 0; number < std::size(names); ++number)
    EXPECT_STREQ(nameOf(*elementNumbered(uint8_t(number))), names[number]);
  EXPECT_FALSE(elementNumbered(200));
}

TEST(Element, SizesAreOfWholeBytes) {
  EXPECT_EQ(sizeOf(Element::F32), 4u);
  EXPECT_EQ(sizeOf(Element::Bool), 1u);
  EXPECT_EQ(sizeOf(Element::C128), 16u);
  EXPECT_EQ(sizeOf(Element::I4), 0u);
  EXPECT_EQ(bitsOf(Element::I4), 4u);
}

TEST(Element, WidensOnlyWhereEveryValueFits) {
  EXPECT_TRUE(canWiden(Element::U32, Element::I64));
  EXPECT_FALSE(canWiden(Element::U64, Element::I64));
  EXPECT_TRUE(canWiden(Element::I32, Element::I64));
  EXPECT_FALSE(canWiden(Element::U32, Element::I32));
  EXPECT_TRUE(canWiden(Element::I8, Element::I32));
  EXPECT_FALSE(canWiden(Element::I4, Element::I32));
  EXPECT_FALSE(canWiden(Element::Bool, Element::I64));
  EXPECT_FALSE(canWiden(Element::F16, Element::F32));
}

} // namespace
} // namespace dpcrt
