// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Quantities in words: three digits and never an exponent.
#include "dpc/Schedule/core/Units.h"

#include "gtest/gtest.h"

using dpc::schedule::inWords;

TEST(Units, HaveThreeDigitsAndAPrefix) {
  EXPECT_EQ(inWords(0, "B"), "0 B");
  EXPECT_EQ(inWords(77), "77");
  EXPECT_EQ(inWords(999, "B"), "999 B");
  EXPECT_EQ(inWords(1000, "B"), "1 kB");
  EXPECT_EQ(inWords(60.84e6, "B"), "60.8 MB");
  EXPECT_EQ(inWords(1.5e12, "B"), "1.5 TB");
  EXPECT_EQ(inWords(123456), "123 k");
}

TEST(Units, RoundUpToTheNextPrefix) {
  EXPECT_EQ(inWords(999.4e3, "B"), "999 kB");
  EXPECT_EQ(inWords(999.6e3, "B"), "1 MB");
}
