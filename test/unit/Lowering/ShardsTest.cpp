// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cuts of parameters among those that hold them.
#include "Shards.h"

#include "gtest/gtest.h"

#include <numeric>
#include <random>

using namespace dpc::lowering;

namespace {

constexpr int64_t kBlock = 4096;

std::string inWords(const std::vector<std::vector<Shard>> &shards) {
  std::string text;
  for (size_t m = 0; m < shards.size(); ++m) {
    text += m ? " |" : "";
    for (const Shard &shard : shards[m])
      text += " " + std::to_string(shard.parameter) + "[" + std::to_string(shard.begin) + ".." +
              std::to_string(shard.end()) + ")";
  }
  return text;
}

TEST(ShardsTest, CutsLieAtBlocksOrBetweenParameters) {
  EXPECT_EQ(inWords(cutIntoShards({10000}, 2, ShardUnit::Block)), " 0[0..4096) | 0[4096..10000)");
  EXPECT_EQ(inWords(cutIntoShards({100, 100, 100, 100}, 2, ShardUnit::Block)),
            " 0[0..100) 1[0..100) | 2[0..100) 3[0..100)");
  EXPECT_EQ(inWords(cutIntoShards({100, 12288, 100}, 3, ShardUnit::Block)),
            " 0[0..100) 1[0..4096) | 1[4096..8192) | 1[8192..12288) 2[0..100)");
  // Fewer blocks than members: some have none.
  EXPECT_EQ(inWords(cutIntoShards({100}, 3, ShardUnit::Block)), " | 0[0..100) |");
  EXPECT_EQ(inWords(cutIntoShards({10000}, 2, ShardUnit::Parameter)), " | 0[0..10000)");
  EXPECT_EQ(inWords(cutIntoShards({8192, 8192, 12288}, 2, ShardUnit::Parameter)),
            " 0[0..8192) 1[0..8192) | 2[0..12288)");
}

// Each element once, in order, and no member with more than a block over its share.
TEST(ShardsTest, EveryElementIsSomebodysOnce) {
  std::mt19937 random(7);
  for (int run = 0; run < 2000; ++run) {
    std::vector<int64_t> elements(1 + random() % 8);
    for (int64_t &count : elements)
      count = 1 + random() % (random() % 2 ? 60000 : 300);
    const unsigned members = 1 + random() % 9;
    const int64_t total = std::accumulate(elements.begin(), elements.end(), int64_t(0));
    for (ShardUnit unit : {ShardUnit::Block, ShardUnit::Parameter}) {
      auto shards = cutIntoShards(elements, members, unit);
      ASSERT_EQ(shards.size(), members);
      unsigned parameter = 0;
      int64_t done = 0;
      for (const auto &own : shards) {
        int64_t mine = 0;
        for (const Shard &shard : own) {
          ASSERT_EQ(shard.parameter, parameter);
          ASSERT_EQ(shard.begin, done);
          ASSERT_GT(shard.elements, 0);
          done = shard.end();
          mine += shard.elements;
          ASSERT_TRUE(done == elements[parameter] ||
                      (unit == ShardUnit::Block && done % kBlock == 0));
          if (done == elements[parameter]) {
            ++parameter;
            done = 0;
          }
        }
        if (unit == ShardUnit::Block)
          ASSERT_LE(mine, total / members + kBlock + 1);
      }
      ASSERT_EQ(parameter, elements.size());
    }
  }
}

TEST(ShardsTest, AMemberWithoutShardsBeginsWhereTheNextOneDoes) {
  auto shards = cutIntoShards({100, 8192}, 4, ShardUnit::Block);
  ASSERT_EQ(inWords(shards), " 0[0..100) | 1[0..4096) | | 1[4096..8192)");
  auto placeOf = [](unsigned p, int64_t element) { return (p ? 128 : 0) + element; };
  EXPECT_EQ(boundariesOf(shards, placeOf, 8320), (std::vector<int64_t>{0, 128, 4224, 4224, 8320}));
  EXPECT_EQ(partSizes({0, 128, 4224, 4224, 8320}), (std::vector<int64_t>{128, 4096, 0, 4096}));
}

} // namespace
