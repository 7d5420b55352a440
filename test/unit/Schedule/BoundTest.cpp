// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// No schedule is shorter than its lower bound, whatever its costs.
#include "RandomTable.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Generators.h"

#include <gtest/gtest.h>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

TEST(Bound, HoldsForEveryOrderAndPlacement) {
  unsigned met = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    Costs costs = makeCosts(random);
    // Also for a pair that takes less than its parts: a user may write any number.
    if (random.oneIn(4))
      costs.pair = random.below(9) / 4.0;
    Result<Simulation> result = simulate(table, costs);
    ASSERT_TRUE(result.ok());
    ASSERT_GE(result->makespan, result->lowerBound - 1e-9)
        << "seed " << seed << ", F/I/W/FB/comm = " << costs.forward << "/" << costs.input << "/"
        << costs.weight << "/" << costs.pair << "/" << costs.comm << "\n"
        << printText(table);
    met += result->makespan <= result->lowerBound + 1e-9;
  }
  EXPECT_GT(met, 100u); // and is no number that nothing reaches
}

TEST(Bound, HoldsForUnequalStagesPairsAndLinks) {
  unsigned met = 0;
  for (uint32_t seed = 0; seed < 10000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    Costs costs = makeStageCosts(random, table);
    Result<Simulation> result = simulate(table, costs);
    ASSERT_TRUE(result.ok());
    ASSERT_GE(result->makespan, result->lowerBound - 1e-9) << "seed " << seed << "\n"
                                                           << printText(table);
    met += result->makespan <= result->lowerBound + 1e-9;
    // A bound for schedules with pairs is one for those without.
    ASSERT_GE(lowerBound(table, costs, false), lowerBound(table, costs, true) - 1e-9)
        << "seed " << seed;
  }
  EXPECT_GT(met, 200u);
}

// A peak is at least what is held on average.
TEST(Bound, OfActivationsHolds) {
  unsigned near = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    Costs costs = random.oneIn(2) ? makeCosts(random) : makeStageCosts(random, table);
    Result<Simulation> result = simulate(table, costs);
    ASSERT_TRUE(result.ok());
    std::vector<double> floor = activationFloor(table, costs, true, result->makespan);
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      ASSERT_GE(result->peakActivations[rank], floor[rank] - 1e-9)
          << "seed " << seed << ", rank " << rank << "\n"
          << printText(table);
      near += floor[rank] > 0.75 * result->peakActivations[rank];
    }
  }
  EXPECT_GT(near, 300u);
}

// In a long steady state without idle time: P(F+I)+W of F+I+W for one stage a rank,
// and for two copies half of that for each of P+1 stages.
TEST(Bound, OfActivationsIsTheKnownOne) {
  Costs costs{1, 1.5, 0.5, 3, 0};
  for (unsigned P : {2u, 4u, 8u}) {
    unsigned M = 40;
    double makespan = M * 3;
    std::vector<double> linear =
        activationFloor(*generate("1f1b", {P, M, {}}), costs, false, makespan);
    std::vector<double> mirrored =
        activationFloor(*generate("dualpipe", {P, M, {}}), costs, true, makespan);
    for (unsigned rank = 0; rank < P; ++rank) {
      EXPECT_NEAR(linear[rank], ((P - rank) * 2.5 + 0.5) / 3, 1e-9);
      EXPECT_NEAR(mirrored[rank], ((P + 1) * 2.5 + 1) / 6, 1e-9);
    }
  }
}

TEST(Bound, OfEachPlacementIsTheKnownOne) {
  Costs costs{1, 1, 1, 3, 0};
  auto bound = [&](const char *name, unsigned ranks, unsigned microBatches, bool pairs) {
    return lowerBound(*generate(name, {ranks, microBatches, {}}), costs, pairs);
  };
  for (unsigned P : {2u, 4u, 8u})
    for (unsigned M : {2 * P, 20u, 32u}) {
      EXPECT_EQ(bound("1f1b", P, M, false), P - 1 + 3 * M); // (P-1)F + M(F+I+W)
      EXPECT_EQ(bound("dualpipev", P, M, true), std::max((P - 1) / 2.0, 0.0) + 3 * M);
      EXPECT_EQ(bound("dualpipe", P, M, true), P / 2.0 - 1 + 3 * M);
    }
  // A pair that takes two thirds leaves two thirds of the work, which is as much as
  // forwards and input halves alone; the last of these is followed by the way back.
  costs.pair = 2;
  EXPECT_EQ(bound("dualpipe", 4, 8, true), 1 + 2 * 8 + 2);
  costs.pair = 2.5;
  EXPECT_EQ(bound("dualpipe", 4, 8, true), 1 + 2.5 * 8);
  EXPECT_EQ(bound("dualpipe", 4, 8, false), 1 + 3 * 8);
  // The last rank's work but weight halves, then the way back: of whole backwards.
  costs = {1, 2, 0, 3, 0};
  for (unsigned M : {1u, 2u, 9u})
    EXPECT_EQ(bound("1f1b", 4, M, false), (M + 3) * 3);
  costs = {1, 1, 1, 3, 0};
  // A slow link: there is the first forward before it, then all messages, then a way
  // back after the last.
  Costs slow = costs;
  slow.stages.assign(2, {1, 1, 1, 6, 4});
  slow.links = {{0.5, 1}};
  EXPECT_EQ(lowerBound(*generate("1f1b", {2, 10, {}}), slow, false),
            1 + 10 * 6 + 0.5 + 2 + 4.5 + 1);
  // One micro-batch, all the way: the bound of few micro-batches.
  EXPECT_EQ(bound("1f1b", 8, 1, false), 8 * 2 + 1);
}

} // namespace
