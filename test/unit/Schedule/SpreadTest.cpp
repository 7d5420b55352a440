// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's costs over another number of stages than it was cut into.
#include "dpc/Schedule/core/Spread.h"

#include <gtest/gtest.h>

using namespace dpc::schedule;

namespace {

Costs threeStages() {
  Costs costs;
  costs.stages = {{1, 2, 3, 10, 0, 100, 30}, {4, 5, 6, 20, 11, 200, 60}, {7, 8, 9, 0, 21, 300, 90}};
  return costs;
}

double total(const Costs &costs, double StageCosts::*part) {
  double sum = 0;
  for (const StageCosts &stage : costs.stages)
    sum += stage.*part;
  return sum;
}

} // namespace

TEST(Spread, EqualCostsAreLeftAlone) {
  Costs costs;
  costs.comm = 0.5;
  Costs same = spread(costs, 8, 16);
  EXPECT_TRUE(same.stages.empty());
  EXPECT_EQ(same.of(3, 8, 16).forward, 0.5);
}

TEST(Spread, TheSameNumberOfStagesKeepsThem) {
  Costs costs = spread(threeStages(), 3, 3);
  for (unsigned s = 0; s < 3; ++s) {
    EXPECT_EQ(costs.stages[s].forward, threeStages().stages[s].forward);
    EXPECT_EQ(costs.stages[s].outputBytes, threeStages().stages[s].outputBytes);
  }
  // The closed forms take the costs of a device's share.
  EXPECT_EQ(costs.forward, 4);
  EXPECT_EQ(costs.input, 5);
  EXPECT_EQ(costs.weight, 6);
  EXPECT_EQ(costs.pair, 15);
}

TEST(Spread, AllOfTheModelIsSomewhere) {
  for (unsigned stages = 1; stages <= 13; ++stages) {
    Costs costs = spread(threeStages(), 1, stages);
    ASSERT_EQ(costs.stages.size(), stages);
    EXPECT_NEAR(total(costs, &StageCosts::forward), 12, 1e-12);
    EXPECT_NEAR(total(costs, &StageCosts::input), 15, 1e-12);
    EXPECT_NEAR(total(costs, &StageCosts::weight), 18, 1e-12);
    EXPECT_NEAR(total(costs, &StageCosts::activationBytes), 600, 1e-9);
    EXPECT_NEAR(total(costs, &StageCosts::weightBytes), 180, 1e-9);
    EXPECT_EQ(costs.stages.front().gradientBytes, 0);
    EXPECT_EQ(costs.stages.back().outputBytes, 0);
  }
}

TEST(Spread, DensityIsConstantWithinAStage) {
  Costs costs = spread(threeStages(), 2, 6);
  EXPECT_EQ(costs.stages[0].forward, 0.5);
  EXPECT_EQ(costs.stages[1].forward, 0.5);
  EXPECT_EQ(costs.stages[2].forward, 2);
  EXPECT_EQ(costs.stages[5].forward, 3.5);
  Costs half = spread(threeStages(), 2, 2); // one and a half known stages each
  EXPECT_EQ(half.stages[0].forward, 1 + 2);
  EXPECT_EQ(half.stages[1].forward, 2 + 7);
}

TEST(Spread, MessagesAreThoseOfTheNearestCut) {
  Costs costs = spread(threeStages(), 6, 6); // cuts after 0.5, 1, 1.5, 2, 2.5 known stages
  EXPECT_EQ(costs.stages[0].outputBytes, 10);
  EXPECT_EQ(costs.stages[1].outputBytes, 10);
  EXPECT_EQ(costs.stages[3].outputBytes, 20);
  EXPECT_EQ(costs.stages[4].outputBytes, 20);
  EXPECT_EQ(costs.stages[1].gradientBytes, 11);
  EXPECT_EQ(costs.stages[4].gradientBytes, 21);
}

TEST(Spread, PairsGainWhatTheirStagesGain) {
  Costs costs = threeStages();
  for (unsigned f = 0; f < 3; ++f)
    for (unsigned b = 0; b < 3; ++b)
      costs.pairs.push_back(
          0.75 * (costs.stages[f].forward + costs.stages[b].input + costs.stages[b].weight));
  Costs more = spread(costs, 4, 8);
  ASSERT_EQ(more.pairs.size(), 64u);
  for (unsigned f = 0; f < 8; ++f)
    for (unsigned b = 0; b < 8; ++b)
      EXPECT_NEAR(more.pairOf(f, b, 4, 8),
                  0.75 * (more.stages[f].forward + more.stages[b].input + more.stages[b].weight),
                  1e-12);
  EXPECT_NEAR(more.pair, 0.75 * (more.forward + more.input + more.weight), 1e-12);
}

TEST(Spread, OneLinkIsThatOfAllRanks) {
  Costs costs = threeStages();
  costs.links = {{3, 5}};
  Costs more = spread(costs, 4, 8);
  ASSERT_EQ(more.links.size(), 1u);
  EXPECT_EQ(more.linkOf(0, 3, 4).latency, 3);
  EXPECT_EQ(more.linkOf(0, 3, 4).bandwidth, 5);
}

TEST(Spread, MoreRanksThanLinksTakeTheSlowest) {
  Costs costs = threeStages();
  costs.links = {{0, 1e9}, {1, 8}, {2, 4}, {0, 1e9}};
  EXPECT_EQ(spread(costs, 2, 3).links[2].latency, 2);
  Costs more = spread(costs, 3, 3);
  ASSERT_EQ(more.links.size(), 9u);
  EXPECT_EQ(more.links[1].latency, 2);
  EXPECT_EQ(more.links[1].bandwidth, 4);
}
