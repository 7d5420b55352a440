// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who gives what: every byte that anybody has once, whatever they have.
#include "session/Dealing.h"
#include <gtest/gtest.h>
#include <random>

namespace dpcrt {
static void PrintTo(const ByteRange &range, std::ostream *out) {
  *out << "[" << range.begin << ".." << range.end << ")";
}
} // namespace dpcrt

namespace dpcrt::test {
namespace {
using Held = std::vector<ByteRanges>;

TEST(Dealing, TheLowestThatHasAByteGivesIt) {
  EXPECT_EQ(deal({{{0, 8}}, {{0, 8}}}), (Held{{{0, 8}}, {}}));
  EXPECT_EQ(deal({{{4, 8}}, {{0, 12}}}), (Held{{{4, 8}}, {{0, 4}, {8, 12}}}));
  EXPECT_EQ(deal({{}, {{0, 4}}, {{2, 6}}}), (Held{{}, {{0, 4}}, {{4, 6}}}));
  // In one piece, however it was listed, and nothing of nothing.
  EXPECT_EQ(deal({{{4, 8}, {0, 4}, {2, 6}, {5, 5}}}), (Held{{{0, 8}}}));
  EXPECT_EQ(deal({{}, {{3, 3}}}), (Held{{}, {}}));
  EXPECT_EQ(deal({{{UINT64_MAX - 1, UINT64_MAX}}}), (Held{{{UINT64_MAX - 1, UINT64_MAX}}}));
}

TEST(Dealing, WhoGivesLeastGivesWhatSeveralHave) {
  std::vector<uint64_t> load = {0, 0, 0};
  const Held both = {{{0, 10}}, {{0, 10}}, {}};
  EXPECT_EQ(deal(both, &load), (Held{{{0, 10}}, {}, {}}));
  EXPECT_EQ(deal(both, &load), (Held{{}, {{0, 10}}, {}}));
  EXPECT_EQ(deal({{{0, 4}}, {{0, 4}, {6, 8}}, {{6, 8}}}, &load), (Held{{{0, 4}}, {}, {{6, 8}}}));
  EXPECT_EQ(load, (std::vector<uint64_t>{14, 10, 2}));
}

TEST(Dealing, EveryByteIsGivenOnceByOneThatHasIt) {
  constexpr uint64_t kBytes = 40;
  std::mt19937_64 draw(1);
  std::vector<uint64_t> load(5, 0);
  for (unsigned round = 0; round < 4000; ++round) {
    Held held(1 + draw() % 5);
    for (ByteRanges &ranges : held)
      for (uint64_t n = draw() % 4; n > 0; --n) {
        uint64_t begin = draw() % kBytes;
        ranges.push_back({begin, begin + draw() % (kBytes + 1 - begin)});
      }
    std::vector<uint64_t> loadBefore = load;
    const bool isEven = round % 2;
    Held given = deal(held, isEven ? &load : nullptr);
    ASSERT_EQ(given.size(), held.size());
    auto has = [](const ByteRanges &ranges, uint64_t byte) {
      size_t count = 0;
      for (const ByteRange &range : ranges)
        count += range.begin <= byte && byte < range.end;
      return count;
    };
    for (uint64_t byte = 0; byte < kBytes; ++byte) {
      size_t givers = 0, lowest = held.size();
      for (size_t who = held.size(); who-- > 0;) {
        if (has(held[who], byte))
          lowest = who;
        size_t count = has(given[who], byte);
        givers += count;
        EXPECT_TRUE(!count || has(held[who], byte)) << "round " << round;
      }
      EXPECT_EQ(givers, lowest < held.size()) << "round " << round << ", byte " << byte;
      if (!isEven && lowest < held.size())
        EXPECT_TRUE(has(given[lowest], byte)) << "round " << round << ", byte " << byte;
    }
    for (size_t who = 0; who < held.size(); ++who) {
      uint64_t bytes = 0;
      for (size_t i = 0; i < given[who].size(); ++i) {
        bytes += given[who][i].bytes();
        EXPECT_GT(given[who][i].bytes(), 0u);
        EXPECT_TRUE(i == 0 || given[who][i - 1].end < given[who][i].begin)
            << "two ranges where one would do, round " << round;
      }
      EXPECT_EQ(load[who] - loadBefore[who], isEven ? bytes : 0);
    }
  }
}

TEST(Dealing, RangesGoThroughAMessage) {
  const Held lists = {{{0, 8}, {9, 12}}, {}, {{1, UINT64_MAX}}};
  std::string packed = packRanges(lists);
  Held read;
  ASSERT_TRUE(unpackRanges(packed, 3, read));
  EXPECT_EQ(read, lists);
  EXPECT_FALSE(unpackRanges(packed, 2, read)) << "something is left";
  EXPECT_FALSE(unpackRanges(packed, 4, read)) << "a list is missing";
  for (size_t length = 0; length < packed.size(); ++length)
    EXPECT_FALSE(unpackRanges(packed.substr(0, length), 3, read)) << length;
  // A count that no message holds ends at the message's end.
  packed[7] = char(0xFF);
  EXPECT_FALSE(unpackRanges(packed, 3, read));
  EXPECT_FALSE(unpackRanges(packRanges({{{8, 4}}}), 1, read)) << "it ends before it begins";
}
} // namespace
} // namespace dpcrt::test
