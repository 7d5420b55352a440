// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// On a chain every convex partition cuts the one order there is, and the search is
// exact over these: what it finds must cost what the best of all cuts costs.
#include "Exhaustive.h"
#include "RandomGraph.h"

#include <gtest/gtest.h>

using namespace dpc::partition;
using namespace dpc::partition::test;

namespace {

constexpr double kRounding = 1e-9;

TEST(Chain, TheSlowestStageIsAsFastAsCanBe) {
  unsigned cut = 0;
  for (uint32_t seed = 0; seed < 600; ++seed) {
    Random random(seed);
    Graph graph = makeChain(random, random.from(2, 11));
    for (unsigned stages = 1; stages <= 5; ++stages) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(stages) + " stages of " +
                   std::to_string(graph.nodes.size()) + " nodes");
      CutOptions options;
      options.stages = stages;
      options.tolerance = 0;
      CutResult result = findCuts(graph, options);
      if (stages > graph.lastCut + 1) {
        EXPECT_TRUE(result.cuts.starts.empty());
        EXPECT_EQ(result.error, "cannot be cut into " + std::to_string(stages) +
                                    " stages; the largest number that this model allows is " +
                                    std::to_string(graph.lastCut + 1));
        continue;
      }
      ASSERT_EQ(result.error, "");
      ASSERT_EQ(result.cuts.getStageCount(), stages);
      Assignment stageOf = getAssignment(graph, result.cuts);
      double best = findBestCuts(graph, stages);
      EXPECT_NEAR(getSlowest(graph, stageOf, stages), best, kRounding);
      // Of all convex partitions, not only of those that cut the given order.
      EXPECT_NEAR(best, findBestConvex(graph, stages), kRounding);
      ++cut;

      // The preference for equal stages costs at most what it may.
      options.tolerance = 0.1;
      result = findCuts(graph, options);
      ASSERT_EQ(result.error, "");
      EXPECT_LE(getSlowest(graph, getAssignment(graph, result.cuts), stages),
                best * 1.1 + kRounding);
    }
  }
  EXPECT_GT(cut, 2000u);
}

TEST(Chain, CostsAreThoseOfTheDefinition) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    Graph graph = makeChain(random, random.from(3, 9));
    unsigned stages = std::min(graph.lastCut + 1, random.from(1, 4));
    forEachCuts(graph, stages, [&](const Cuts &cuts) {
      Assignment stageOf = getAssignment(graph, cuts);
      std::vector<StageCost> costs = getStageCosts(graph, cuts);
      ASSERT_EQ(costs.size(), stages);
      for (unsigned k = 0; k < stages; ++k) {
        ASSERT_NEAR(costs[k].getSeconds(), getStageSeconds(graph, stageOf, k), kRounding)
            << "seed " << seed << ", stage " << k;
        ASSERT_NEAR(costs[k].latency, getStageLatency(graph, stageOf, k), kRounding)
            << "seed " << seed << ", stage " << k;
      }
    });
  }
}

// Of cuts that are as good, the most even ones: here the slowest stage is the
// first whatever is done with the rest.
TEST(Chain, OfEqualCutsTheMostEvenIsTaken) {
  Graph graph;
  for (double seconds : {9, 2, 2, 2, 2}) {
    Node node;
    node.seconds = seconds;
    node.signature = graph.nodes.size();
    if (!graph.nodes.empty()) {
      graph.values.push_back({static_cast<unsigned>(graph.nodes.size() - 1), 4, true});
      node.reads = {static_cast<unsigned>(graph.values.size() - 1)};
    }
    graph.nodes.push_back(node);
  }
  graph.lastCut = 4;
  CutOptions options;
  options.stages = 3;
  CutResult result = findCuts(graph, options);
  EXPECT_EQ(result.cuts.starts, (std::vector<unsigned>{0, 1, 3}));
  // A parameter that nodes 2 and 3 share must be reduced if they are parted: that
  // makes the less even cut the better one.
  graph.paramBytes = {1000};
  graph.nodes[2].params = graph.nodes[3].params = {0};
  graph.secondsPerMessageByte = 1e-2;
  result = findCuts(graph, options);
  EXPECT_NE(result.cuts.starts, (std::vector<unsigned>{0, 1, 3}));
}

// The latency of a message is no time of a stage, but of equal cuts the one with
// fewer messages is taken: node 2's second value is read by node 3.
TEST(Chain, OfEqualCutsTheOneWithFewerMessagesIsTaken) {
  Graph graph;
  for (unsigned i = 0; i < 6; ++i) {
    Node node;
    node.seconds = i == 2 || i == 3 ? 0 : 1;
    node.signature = i;
    if (i) {
      graph.values.push_back({i - 1, 4, true});
      node.reads = {i - 1};
    }
    graph.nodes.push_back(node);
  }
  graph.values.push_back({2, 4, true});
  graph.nodes[3].reads.push_back(5);
  graph.messageLatency = 0.01;
  graph.lastCut = 5;
  CutOptions options;
  options.stages = 2;
  // After nodes 1, 2 and 3 both stages take 2 seconds.
  std::vector<unsigned> starts = findCuts(graph, options).cuts.starts;
  EXPECT_NE(starts, (std::vector<unsigned>{0, 3}));
  graph.values.push_back({1, 4, true}); // and now two cross after node 1 as well
  graph.nodes[2].reads.push_back(6);
  EXPECT_EQ(findCuts(graph, options).cuts.starts, (std::vector<unsigned>{0, 4}));
}

// Six equal layers of three nodes on four stages: layers are not of equal cost in
// every stage, but the stages that are alike begin at the same place of a layer.
TEST(Chain, RepeatedLayersAreCutAtTheSamePlaces) {
  Graph graph;
  for (unsigned i = 0; i < 24; ++i) {
    Node node;
    node.seconds = 1 + i % 3;
    node.signature = i % 3;
    if (i) {
      graph.values.push_back({i - 1, 4, true});
      node.reads = {i - 1};
    }
    graph.nodes.push_back(node);
  }
  graph.lastCut = 23;
  Repeat repeat = findRepeat(graph);
  EXPECT_EQ(repeat.period, 3u);
  EXPECT_EQ(repeat.end - repeat.begin, 24u);
  CutOptions options;
  options.stages = 4;
  CutResult result = findCuts(graph, options);
  EXPECT_EQ(result.cuts.starts, (std::vector<unsigned>{0, 6, 12, 18}));
}

} // namespace
