// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Right kernels: what they compute, under every order of threads, and that each of their
// barriers and shuffles is missed.
#include "KernelTest.h"

#include <cmath>

namespace dpc::emulator::test {
namespace {

void expectNoFault(const std::optional<Fault> &fault) {
  if (fault)
    ADD_FAILURE() << fault->message();
}

TEST(Kernels, ScaleRoundsProductsAndSums) {
  constexpr int n = 1000; // the last block is not full
  std::vector<float> x = draw(n, 1);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("elementwise.ll", "scale");
    run.input(x).output<float>(n).number(1.1f).number(-0.3f).number(n);
    expectNoFault(run({2}, {128}, seed));
    std::vector<float> y = run.result<float>(1);
    for (int i = 0; i < n; ++i) {
      volatile float product = x[i] * 1.1f;
      ASSERT_EQ(y[i], product + -0.3f) << i;
    }
    EXPECT_EQ(run.buffers.findDamage(), "");
  }
}

TEST(Kernels, FunctionsOfOneElement) {
  std::vector<float> x = draw(64, 2);
  Trial run("elementwise.ll", "functions");
  run.input(x).output<float>(128);
  expectNoFault(run({1}, {64}, 3));
  std::vector<float> y = run.result<float>(1);
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(y[2 * i], std::fma(x[i], x[i], -1.0f));
    EXPECT_NEAR(y[2 * i + 1], std::exp2(x[i]), 1e-6 * std::exp2(x[i]));
  }
}

TEST(Kernels, AccessesUnderAMask) {
  std::vector<float> x = draw(3 * 20 + 1, 3);
  Trial run("elementwise.ll", "gather");
  run.input(x).output<float>(4 * 21);
  expectNoFault(run({1}, {21}, 1));
  std::vector<float> y = run.result<float>(1);
  for (int i = 0; i < 21; ++i) {
    EXPECT_EQ(y[4 * i], x[3 * i]);
    EXPECT_EQ(y[4 * i + 1], x[2 * i]);
    EXPECT_EQ(y[4 * i + 2], i % 2 ? x[i] : -1);
    EXPECT_EQ(y[4 * i + 3], x[0]);
  }
}

TEST(Kernels, EveryThreadKnowsItsPlace) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("elementwise.ll", "indices");
    run.output<int32_t>(12 * 24);
    expectNoFault(run({3, 2, 2}, {4, 3, 2}, seed));
    std::vector<int32_t> y = run.result<int32_t>(0);
    for (int i = 0; i < 12 * 24; ++i)
      ASSERT_EQ(y[i], i / 24 * 1000 + i % 24);
  }
}

TEST(Kernels, ConstantsAreReadAndCopied) {
  Trial run("elementwise.ll", "constants");
  run.output<int32_t>(4);
  expectNoFault(run({1}, {1}, 0));
  EXPECT_EQ(run.result<int32_t>(0), (std::vector<int32_t>{14, 5, 7, 11}));
}

// The order in which a warp's butterfly adds.
float butterflySum(const float *x) {
  float v[32], w[32];
  std::copy(x, x + 32, v);
  for (int offset = 16; offset; offset /= 2) {
    for (int i = 0; i < 32; ++i)
      w[i] = v[i] + v[i ^ offset];
    std::copy(w, w + 32, v);
  }
  return v[0];
}

TEST(Kernels, WarpsSumByShuffles) {
  constexpr int rows = 4 * 7;
  std::vector<float> x = draw(rows * 32, 4);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("reductions.ll", "warp_sum");
    run.input(x).output<float>(rows);
    expectNoFault(run({7}, {128}, seed));
    std::vector<float> y = run.result<float>(1);
    for (int row = 0; row < rows; ++row)
      ASSERT_EQ(y[row], butterflySum(&x[row * 32])) << "row " << row << ", seed " << seed;
  }
}

float blockSum(const float *x) {
  float w[8];
  for (int i = 0; i < 8; ++i)
    w[i] = butterflySum(x + 32 * i);
  return ((w[0] + w[4]) + (w[1] + w[5])) + ((w[2] + w[6]) + (w[3] + w[7]));
}

std::vector<float> centered(const std::vector<float> &x) {
  std::vector<float> result;
  for (size_t row = 0; row < x.size(); row += 256) {
    float mean = blockSum(&x[row]) * 0.00390625f, difference[256], square[256];
    for (int i = 0; i < 256; ++i) {
      difference[i] = x[row + i] - mean;
      square[i] = difference[i] * difference[i];
    }
    float variance = blockSum(square);
    for (float d : difference)
      result.push_back(d / variance);
  }
  return result;
}

TEST(Kernels, BlocksSumThroughSharedMemory) {
  std::vector<float> x = draw(5 * 256, 5), want = centered(x);
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("reductions.ll", "center");
    run.input(x).output<float>(x.size());
    expectNoFault(run({5}, {256}, seed));
    ASSERT_EQ(run.result<float>(1), want) << "seed " << seed;
    EXPECT_EQ(run.buffers.findDamage(), "");
  }
}

TEST(Kernels, SharedMemoryOfTheLaunchLiesBehindTheKernelsOwn) {
  for (int n : {33, 1024}) {
    std::vector<float> x = draw(3 * n, 6);
    Trial run("reductions.ll", "reverse");
    run.input(x).output<float>(x.size()).number(n);
    run.launch.dynamicSharedBytes = n * sizeof(float);
    expectNoFault(run({3}, {static_cast<uint32_t>(n)}, n));
    std::vector<float> y = run.result<float>(1);
    for (int i = 0; i < 3 * n; ++i)
      ASSERT_EQ(y[i], x[i / n * n + (n - 1 - i % n)] + 1) << i;
  }
}

TEST(Kernels, SharedMemoryOfTheLaunchHasAnEnd) {
  std::vector<float> x = draw(64, 6);
  Trial run("reductions.ll", "reverse");
  run.input(x).output<float>(64).number(64);
  run.launch.dynamicSharedBytes = 63 * sizeof(float);
  std::optional<Fault> fault = run({1}, {64}, 0);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, FaultKind::IllegalAddress);
}

TEST(Kernels, OneSeedGivesOneOrder) {
  auto order = [](uint64_t seed) {
    // A race: its result tells the order.
    Trial run("faults.ll", "missing_barrier");
    run.output<float>(64);
    run.launch.findRaces = false;
    EXPECT_FALSE(run({1}, {64}, seed));
    std::vector<unsigned char> bytes = run.buffers.contents(0);
    return std::string(bytes.begin(), bytes.end());
  };
  std::vector<std::string> orders;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    EXPECT_EQ(order(seed), order(seed));
    orders.push_back(order(seed));
  }
  std::sort(orders.begin(), orders.end());
  EXPECT_GT(std::unique(orders.begin(), orders.end()) - orders.begin(), 4);
}

TEST(Kernels, TheTableTellsWhatALaunchMustKnow) {
  const Kernel *center = twinOf("reductions.ll").find("center");
  ASSERT_TRUE(center);
  EXPECT_EQ(center->maxThreads, 256u);
  EXPECT_EQ(center->buffers, 2u);
  EXPECT_EQ(center->sharedBytes, 32u);
  ASSERT_EQ(center->arrayCount, 1u);
  EXPECT_STREQ(center->arrays[0].name, "sums");
  EXPECT_FALSE(center->usesDynamic);
  const Kernel *reverse = twinOf("reductions.ll").find("reverse");
  ASSERT_TRUE(reverse);
  EXPECT_EQ(reverse->parameters, 3u);
  EXPECT_EQ(reverse->buffers, 2u);
  EXPECT_EQ(reverse->parameterBytes[2], 4u);
  EXPECT_TRUE(reverse->usesDynamic);
  EXPECT_EQ(twinOf("reductions.ll").find("block_sum"), nullptr);
}

// Every site of a kernel left out must be noticed: by a fault, or by other bits. Counts by
// how many of the seeds.
struct Noticed {
  std::string site;
  unsigned seeds = 0;
};
std::vector<Noticed> leaveOutEach(const char *kernel, Dim3 grid, Dim3 block,
                                  const std::vector<float> &x, size_t outputs, bool findRaces) {
  std::vector<Noticed> result;
  const TwinTable &twin = twinOf("reductions.ll").table();
  auto run = [&](uint64_t seed, std::optional<uint64_t> site) {
    Trial once("reductions.ll", kernel);
    once.input(x).template output<float>(outputs);
    once.launch.leaveOut = site;
    once.launch.findRaces = findRaces;
    bool fault = once(grid, block, seed).has_value();
    return std::pair(fault, once.buffers.contents(1));
  };
  auto right = run(0, std::nullopt);
  EXPECT_FALSE(right.first);
  for (uint64_t site = 0; site < twin.siteCount; ++site) {
    bool isHere = false;
    for (uint64_t k = 0; k < twin.sites[site].kernelCount; ++k)
      isHere |= twin.sites[site].kernels[k] == std::string(kernel);
    if (!isHere)
      continue;
    result.push_back({twin.sites[site].instruction + (" " + std::to_string(site))});
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      auto without = run(seed, site);
      result.back().seeds += without.first || without.second != right.second;
    }
  }
  return result;
}

TEST(Mutants, EachShuffleOfAWarpSumIsNoticedByEverySeed) {
  auto noticed = leaveOutEach("warp_sum", {3}, {128}, draw(3 * 128, 7), 12, true);
  ASSERT_EQ(noticed.size(), 5u);
  for (const Noticed &each : noticed)
    EXPECT_EQ(each.seeds, kSeeds) << each.site;
}

TEST(Mutants, EachBarrierAndShuffleOfABlockSumIsNoticedByEverySeed) {
  auto noticed = leaveOutEach("center", {2}, {256}, draw(512, 8), 512, true);
  ASSERT_EQ(noticed.size(), 7u);
  for (const Noticed &each : noticed)
    EXPECT_EQ(each.seeds, kSeeds) << each.site;
}

// Orders alone, without looking for races: most of them notice.
TEST(Mutants, EachIsNoticedBySeveralOrders) {
  auto noticed = leaveOutEach("center", {2}, {256}, draw(512, 8), 512, false);
  ASSERT_EQ(noticed.size(), 7u);
  for (const Noticed &each : noticed)
    EXPECT_GE(each.seeds, 3u) << each.site;
}

} // namespace
} // namespace dpc::emulator::test
