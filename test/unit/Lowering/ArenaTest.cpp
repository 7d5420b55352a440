// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Arena.h"

#include <gtest/gtest.h>
#include <random>

using namespace dpc::lowering;

namespace {

bool meet(const LiveRange &a, const LiveRange &b) { return a.first <= b.last && b.first <= a.last; }
bool overlap(const LiveRange &a, const LiveRange &b) {
  return a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST(Arena, RangesThatLiveTogetherLieApart) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<LiveRange> ranges(1 + random() % 40);
    for (LiveRange &range : ranges) {
      range.bytes = random() % 500;
      range.first = random() % 50;
      range.last = range.first + random() % 10;
    }
    int64_t size = packArena(ranges);
    for (size_t i = 0; i < ranges.size(); ++i) {
      EXPECT_GE(ranges[i].offset, 0);
      EXPECT_EQ(ranges[i].offset % kAlignment, 0);
      EXPECT_LE(ranges[i].offset + ranges[i].bytes, size);
      for (size_t j = 0; j < i; ++j)
        EXPECT_FALSE(meet(ranges[i], ranges[j]) && overlap(ranges[i], ranges[j]))
            << "seed " << seed << ": " << i << " and " << j;
    }
  }
}

TEST(Arena, EqualStashesInARingNeedNoMoreThanThePeak) {
  // Each lives over three positions and a new one is born at each.
  std::vector<LiveRange> ranges;
  for (int64_t i = 0; i < 20; ++i)
    ranges.push_back({640, i, i + 2, -1});
  EXPECT_EQ(packArena(ranges), 3 * 640);
}

TEST(Arena, NothingTakesNothing) {
  std::vector<LiveRange> none;
  EXPECT_EQ(packArena(none), 0);
}

TEST(Arena, ARangeBornAtAnothersDeathDoesNotTakeItsPlace) {
  std::vector<LiveRange> ranges = {{64, 0, 5, -1}, {64, 5, 9, -1}, {64, 6, 9, -1}};
  EXPECT_EQ(packArena(ranges), 128);
  EXPECT_NE(ranges[0].offset, ranges[1].offset);
  EXPECT_EQ(ranges[0].offset, ranges[2].offset);
}

TEST(Arena, PacksTightlyWhatIsOfDifferentSizes) {
  // A small one that outlives a large one would leave a hole too small for the next.
  std::vector<LiveRange> ranges = {
      {4096, 0, 1, -1}, {4096, 0, 5, -1}, {16384, 2, 3, -1}, {16384, 3, 4, -1}, {4096, 5, 6, -1}};
  std::vector<LiveRange> plain = ranges;
  int64_t size = packTightly(ranges);
  EXPECT_EQ(size, 16384 + 16384 + 4096) << "what is alive at 3";
  EXPECT_LT(size, packArena(plain));
}

TEST(Arena, TightlyPackedRangesThatLiveTogetherLieApart) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<LiveRange> ranges(1 + random() % 40);
    for (LiveRange &range : ranges) {
      range.bytes = random() % (random() % 4 ? 500 : 9000);
      range.first = random() % 30;
      range.last = range.first + random() % 8;
    }
    std::vector<LiveRange> plain = ranges;
    int64_t size = packTightly(ranges);
    EXPECT_LE(size, packArena(plain));
    for (size_t i = 0; i < ranges.size(); ++i) {
      EXPECT_EQ(ranges[i].offset % kAlignment, 0);
      EXPECT_LE(ranges[i].offset + ranges[i].bytes, size);
      for (size_t j = 0; j < i; ++j)
        EXPECT_FALSE(meet(ranges[i], ranges[j]) && overlap(ranges[i], ranges[j]))
            << "seed " << seed << ": " << i << " and " << j;
    }
  }
}

} // namespace
