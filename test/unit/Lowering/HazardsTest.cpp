// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Hazards.h"

#include <gtest/gtest.h>

using namespace dpc::lowering;

namespace {

TEST(Hazards, AReadOnAnotherStreamWaitsForTheWrite) {
  Hazards hazards(1, 2);
  EXPECT_TRUE(hazards.touch(0, 0, 64, true, {0, -1, 0}).empty());
  auto before = hazards.touch(0, 32, 8, false, {1, -1, 1});
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].item, 0u);
}

TEST(Hazards, ReadsDoNotWaitForReadsButWritesDo) {
  Hazards hazards(1, 3);
  hazards.touch(0, 0, 64, false, {0, -1, 0});
  EXPECT_TRUE(hazards.touch(0, 0, 64, false, {1, -1, 1}).empty());
  EXPECT_EQ(hazards.touch(0, 0, 64, true, {2, -1, 2}).size(), 2u);
}

TEST(Hazards, OneStreamOrdersItself) {
  Hazards hazards(1, 1);
  hazards.touch(0, 0, 64, true, {0, -1, 0});
  EXPECT_TRUE(hazards.touch(0, 0, 64, true, {1, -1, 0}).empty());
}

TEST(Hazards, DisjointBytesAndOtherArenasAreFree) {
  Hazards hazards(2, 2);
  hazards.touch(0, 0, 64, true, {0, -1, 0});
  EXPECT_TRUE(hazards.touch(0, 64, 64, true, {1, -1, 1}).empty());
  EXPECT_TRUE(hazards.touch(1, 0, 64, true, {2, -1, 1}).empty());
}

TEST(Hazards, AWideWriteMeetsEveryEarlierPart) {
  Hazards hazards(1, 2);
  for (unsigned i = 0; i < 4; ++i)
    hazards.touch(0, 64 * i, 64, i % 2, {i, -1, 0});
  EXPECT_EQ(hazards.touch(0, 0, 256, true, {4, -1, 1}).size(), 4u);
  // ... and replaces them.
  EXPECT_EQ(hazards.touch(0, 0, 256, true, {5, -1, 0}).size(), 1u);
}

TEST(Hazards, AWaitCarriesWhatTheOtherStreamKnew) {
  Hazards hazards(1, 3);
  hazards.place(0, 0);
  hazards.wait(1, {0, -1, 0});
  hazards.place(1, 1);
  EXPECT_FALSE(hazards.isOrdered(2, {0, -1, 0}));
  hazards.wait(2, {1, -1, 1});
  EXPECT_TRUE(hazards.isOrdered(2, {0, -1, 0}));
}

TEST(Hazards, APartOfAnItemDoesNotStandForTheItem) {
  Hazards hazards(1, 2);
  hazards.place(0, 0);
  hazards.place(1, 0);
  hazards.wait(1, {1, 3, 0});
  EXPECT_TRUE(hazards.isOrdered(1, {0, -1, 0}));
  EXPECT_FALSE(hazards.isOrdered(1, {1, -1, 0}));
}

} // namespace
