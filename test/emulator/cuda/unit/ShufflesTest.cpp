// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Shuffles and votes, lane by lane.
#include "KernelTest.h"

namespace dpc::emulator::test {
namespace {

std::vector<int32_t> values() {
  std::vector<int32_t> result;
  for (int i = 0; i < 32; ++i)
    result.push_back(100 + i);
  return result;
}

// What lane i gets: the number of the lane it reads, and whether that was in range.
using Expected = std::pair<int, bool> (*)(int);

void expectShuffle(const char *kernel, int32_t b, int32_t c, Expected expected) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("shuffles.ll", kernel);
    run.input(values()).output<int32_t>(32).number(int32_t(-1)).number(b).number(c);
    std::optional<Fault> fault = run({1}, {32}, seed);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<int32_t> y = run.result<int32_t>(1);
    for (int i = 0; i < 32; ++i) {
      auto [lane, inRange] = expected(i);
      ASSERT_EQ(y[i], 100 + lane + (inRange ? 1000 : 0))
          << kernel << " " << b << ", lane " << i << ", seed " << seed;
    }
  }
}

// The last operand holds the last lane and, from bit 8 on, which bits of a lane name its
// segment: 0x181f are segments of 8.
TEST(Shuffles, Butterfly) {
  expectShuffle("bfly", 5, 31, [](int i) { return std::pair(i ^ 5, true); });
  expectShuffle("bfly", 1, 0x181f, [](int i) { return std::pair(i ^ 1, true); });
  // A last lane of 19: those above it read themselves.
  expectShuffle("bfly", 4, 19,
                [](int i) { return (i ^ 4) <= 19 ? std::pair(i ^ 4, true) : std::pair(i, false); });
  // Out of a segment of 8: upwards is out of range, downwards is not.
  expectShuffle("bfly", 8, 0x181f,
                [](int i) { return (i ^ 8) < i ? std::pair(i ^ 8, true) : std::pair(i, false); });
}

TEST(Shuffles, Index) {
  expectShuffle("idx", 9, 31, [](int) { return std::pair(9, true); });
  expectShuffle("idx", 33, 31, [](int) { return std::pair(1, true); });
  expectShuffle("idx", 3, 0x181f, [](int i) { return std::pair(i / 8 * 8 + 3, true); });
  expectShuffle("idx", 20, 15, [](int i) { return std::pair(i, false); });
}

TEST(Shuffles, Up) {
  expectShuffle("up", 3, 0,
                [](int i) { return i >= 3 ? std::pair(i - 3, true) : std::pair(i, false); });
  expectShuffle("up", 3, 0x1800,
                [](int i) { return i % 8 >= 3 ? std::pair(i - 3, true) : std::pair(i, false); });
}

TEST(Shuffles, Down) {
  expectShuffle("down", 4, 31,
                [](int i) { return i + 4 < 32 ? std::pair(i + 4, true) : std::pair(i, false); });
  expectShuffle("down", 4, 0x181f,
                [](int i) { return i % 8 + 4 < 8 ? std::pair(i + 4, true) : std::pair(i, false); });
}

TEST(Shuffles, HalvesWithMasksOfTheirOwn) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("shuffles.ll", "halves");
    run.output<int32_t>(32);
    std::optional<Fault> fault = run({1}, {32}, seed);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<int32_t> y = run.result<int32_t>(0);
    for (int i = 0; i < 32; ++i)
      ASSERT_EQ(y[i], i < 16 ? 3 : 21);
  }
}

TEST(Shuffles, Votes) {
  Trial run("shuffles.ll", "votes");
  run.output<uint32_t>(32);
  std::optional<Fault> fault = run({1}, {32}, 1);
  ASSERT_FALSE(fault) << fault->message();
  for (uint32_t y : run.result<uint32_t>(0))
    EXPECT_EQ(y, 0xaaaaaaaau + 2 + 4);
}

TEST(Shuffles, ABarrierOfTheWarpOrdersSharedMemory) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("shuffles.ll", "neighbour");
    run.output<int32_t>(32);
    std::optional<Fault> fault = run({1}, {32}, seed);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<int32_t> y = run.result<int32_t>(0);
    for (int i = 0; i < 32; ++i)
      ASSERT_EQ(y[i], (i + 1) % 32);
  }
  Trial without("shuffles.ll", "neighbour");
  without.output<int32_t>(32);
  for (uint64_t site = 0; site < without.twin.siteCount; ++site)
    if (without.twin.sites[site].instruction == std::string("llvm.nvvm.bar.warp.sync"))
      without.launch.leaveOut = site;
  ASSERT_TRUE(without.launch.leaveOut);
  std::optional<Fault> fault = without({1}, {32}, 0);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, FaultKind::Race);
}

} // namespace
} // namespace dpc::emulator::test
