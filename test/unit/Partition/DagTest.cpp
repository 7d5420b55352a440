// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Graphs that are no chains: stages are intervals of one order of the nodes, and
// the search is exact over these.
#include "Exhaustive.h"
#include "RandomGraph.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace dpc::partition;
using namespace dpc::partition::test;

namespace {

constexpr double kRounding = 1e-9;

std::string print(const std::vector<unsigned> &numbers) {
  std::string text;
  for (unsigned n : numbers)
    text += std::to_string(n) + " ";
  return text;
}

/// Every node once, producers before readers, the loss last as it was.
void expectLegalOrder(const Graph &graph, const std::vector<unsigned> &order) {
  unsigned count = graph.nodes.size();
  ASSERT_EQ(order.size(), count);
  std::vector<unsigned> position(count, count);
  for (unsigned i = 0; i < count; ++i) {
    ASSERT_LT(order[i], count);
    ASSERT_EQ(position[order[i]], count)
        << "node " << order[i] << " stands twice in " << print(order);
    position[order[i]] = i;
  }
  for (unsigned i = 0; i < count; ++i)
    for (unsigned v : graph.nodes[i].reads)
      EXPECT_LT(position[graph.values[v].producer], position[i]) << print(order);
  for (unsigned i = graph.lastCut; i < count; ++i)
    EXPECT_EQ(order[i], i) << print(order);
}

/// No path leaves a stage and comes back: with edges that only go forward, a path
/// between two nodes of a stage stays in it. Paths are followed all the same.
bool isConvex(const Graph &graph, const Assignment &stageOf, unsigned stages) {
  unsigned count = graph.nodes.size();
  // below[j]: node j can be reached from a node of the stage through another one.
  for (unsigned stage = 0; stage < stages; ++stage) {
    std::vector<char> in(count, 0), left(count, 0);
    for (unsigned i = 0; i < count; ++i) {
      in[i] = stageOf[i] == stage;
      for (unsigned v : graph.nodes[i].reads) {
        unsigned from = graph.values[v].producer;
        if (left[from] && in[i])
          return false;
        left[i] |= (in[from] && !in[i]) || (left[from] && !in[i]);
      }
    }
  }
  return true;
}

TEST(Dag, OrdersAreTopologicalAndKeepTheLossLast) {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Graph graph = makeDag(random, random.from(2, 14));
    if (random.oneIn(2))
      for (Node &node : graph.nodes)
        if (random.oneIn(3))
          node.hint = random.below(4);
    expectLegalOrder(graph, refineOrder(graph));
  }
}

TEST(Dag, AReorderedGraphIsTheSameGraph) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    Graph graph = makeDag(random, random.from(2, 10));
    std::vector<unsigned> order = refineOrder(graph);
    Graph ordered = reorder(graph, order);
    for (unsigned i = 0; i < order.size(); ++i) {
      EXPECT_EQ(ordered.nodes[i].name, graph.nodes[order[i]].name) << "seed " << seed;
      EXPECT_EQ(ordered.nodes[i].reads, graph.nodes[order[i]].reads) << "seed " << seed;
    }
    for (unsigned v = 0; v < graph.values.size(); ++v)
      EXPECT_EQ(order[ordered.values[v].producer], graph.values[v].producer) << "seed " << seed;
    for (unsigned r = 0; r < graph.recomputations.size(); ++r)
      if (graph.recomputations[r].node >= 0)
        EXPECT_EQ(static_cast<int>(order[ordered.recomputations[r].node]),
                  graph.recomputations[r].node)
            << "seed " << seed;
  }
}

TEST(Dag, StagesAreConvexAndTheBestIntervalsOfTheOrder) {
  unsigned cut = 0;
  for (uint32_t seed = 0; seed < 800; ++seed) {
    Random random(seed);
    Graph given = makeDag(random, random.from(2, 10));
    Graph graph = reorder(given, refineOrder(given));
    for (unsigned stages = 1; stages <= std::min(graph.lastCut + 1, 5u); ++stages) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(stages) + " stages of " +
                   std::to_string(graph.nodes.size()) + " nodes");
      CutOptions options;
      options.stages = stages;
      options.tolerance = 0;
      CutResult result = findCuts(graph, options);
      ASSERT_EQ(result.error, "");
      Assignment stageOf = getAssignment(graph, result.cuts);
      // Every node in one stage, every stage with a node, the loss in the last.
      for (unsigned stage = 0; stage < stages; ++stage)
        EXPECT_EQ(std::count(stageOf.begin(), stageOf.end(), stage) > 0, true);
      for (unsigned i = graph.lastCut; i < graph.nodes.size(); ++i)
        EXPECT_EQ(stageOf[i], stages - 1);
      for (unsigned i = 0; i < graph.nodes.size(); ++i)
        for (unsigned v : graph.nodes[i].reads)
          EXPECT_LE(stageOf[graph.values[v].producer], stageOf[i]);
      EXPECT_TRUE(isConvex(graph, stageOf, stages));

      double slowest = getSlowest(graph, stageOf, stages);
      EXPECT_NEAR(slowest, findBestCuts(graph, stages), kRounding) << print(result.cuts.starts);
      // Another order may be better; none may be better than the best of all.
      if (graph.nodes.size() <= 8)
        EXPECT_GE(slowest, findBestConvex(graph, stages) - kRounding);
      ++cut;
    }
  }
  EXPECT_GT(cut, 2000u);
}

TEST(Dag, CostsAreThoseOfTheDefinition) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    Random random(seed);
    Graph given = makeDag(random, random.from(2, 9));
    for (const Graph &graph : {given, reorder(given, refineOrder(given))}) {
      unsigned stages = std::min(graph.lastCut + 1, random.from(1, 4));
      forEachCuts(graph, stages, [&](const Cuts &cuts) {
        Assignment stageOf = getAssignment(graph, cuts);
        std::vector<StageCost> costs = getStageCosts(graph, cuts);
        for (unsigned k = 0; k < stages; ++k) {
          SCOPED_TRACE("seed " + std::to_string(seed) + ", stage " + std::to_string(k) + " of " +
                       print(cuts.starts));
          ASSERT_NEAR(costs[k].getSeconds(), getStageSeconds(graph, stageOf, k), kRounding);
          ASSERT_NEAR(costs[k].latency, getStageLatency(graph, stageOf, k), kRounding);
        }
      });
    }
  }
}

Node makeNode(double seconds, std::vector<unsigned> reads,
              std::vector<unsigned> recomputations = {}) {
  Node node;
  node.seconds = seconds;
  node.reads = std::move(reads);
  node.recomputations = std::move(recomputations);
  return node;
}

// Value 0 goes from node 0 straight to node 3. The stages between pay nothing.
TEST(Dag, AValueThatSkipsStagesCostsItsTwoEnds) {
  Graph graph;
  graph.messageLatency = 1;
  graph.secondsPerMessageByte = 0.5;
  graph.values = {{0, 100, true}, {0, 2, true}, {1, 2, true}, {2, 2, false}};
  graph.nodes = {makeNode(10, {}), makeNode(20, {1}), makeNode(30, {2}), makeNode(40, {0, 3})};
  graph.lastCut = 3;
  std::vector<StageCost> costs = getStageCosts(graph, {{0, 1, 2, 3}});
  EXPECT_EQ(costs[0].messages, 2 * 50 + 2 * 1); // both ways
  EXPECT_EQ(costs[1].messages, 2 * 1 + 2 * 1);
  EXPECT_EQ(costs[2].messages, 2 * 1 + 1); // nothing comes back for value 3
  EXPECT_EQ(costs[3].messages, 2 * 50 + 1);
  EXPECT_EQ(costs[0].latency, 2 + 2);
  EXPECT_EQ(costs[2].latency, 2 + 1);
  // Node 0 and node 3 together would save it, but no stage holds them alone.
  for (unsigned k = 0; k < 4; ++k)
    EXPECT_EQ(costs[k].compute, 10.0 * (k + 1));
}

// An integer that nodes 1, 2 and 3 read (a mask of the input) is no value: every
// stage makes it for itself, once, and no message carries it.
TEST(Dag, IntegersAreMadeAgainInEveryStageThatReadsThem) {
  Graph graph;
  graph.messageLatency = 1;
  graph.secondsPerMessageByte = 1;
  graph.values = {{0, 4, true}, {1, 4, true}, {2, 4, true}};
  graph.recomputations = {{7, -1}};
  graph.nodes = {makeNode(10, {}), makeNode(10, {0}, {0}), makeNode(10, {1}, {0}),
                 makeNode(10, {2}, {0})};
  graph.lastCut = 3;
  std::vector<StageCost> costs = getStageCosts(graph, {{0, 1, 3}});
  EXPECT_EQ(costs[0].compute, 10);
  EXPECT_EQ(costs[1].compute, 10 + 10 + 7);
  EXPECT_EQ(costs[2].compute, 10 + 7);
  EXPECT_EQ(costs[0].messages, 2 * 4);
  EXPECT_EQ(costs[1].messages, 4 * 4);
}

// Node 1 makes a value and an integer (a top-k). The integer's reader costs nothing
// beside it and the whole node in another stage, also where the order puts the
// reader first.
TEST(Dag, ANodeIsRepeatedOnlyWhereItIsNot) {
  Graph graph;
  graph.values = {{0, 4, true}, {1, 4, true}, {2, 4, true}};
  graph.recomputations = {{20, 1}};
  graph.nodes = {makeNode(10, {}), makeNode(20, {0}), makeNode(30, {0}, {0}), makeNode(40, {1, 2})};
  graph.lastCut = 3;
  EXPECT_EQ(getStageCosts(graph, {{0, 1}})[1].compute, 20 + 30 + 40);
  EXPECT_EQ(getStageCosts(graph, {{0, 2}})[1].compute, 30 + 20 + 40);
  Graph swapped = reorder(graph, {0, 2, 1, 3});
  EXPECT_EQ(getStageCosts(swapped, {{0, 2}})[0].compute, 10 + 30 + 20);
  EXPECT_EQ(getStageCosts(swapped, {{0, 2}})[1].compute, 20 + 40);
  EXPECT_EQ(getStageCosts(swapped, {{0, 1}})[1].compute, 20 + 30 + 40);
}

// A branch that is read late is computed late: what it makes is then no longer
// alive over the cuts between.
TEST(Dag, ABranchSinksToItsReader) {
  Graph graph;
  graph.values = {{0, 4, true}, {1, 4000, true}, {2, 4, true}, {3, 4, true}, {4, 4, true}};
  // Node 1 makes 4000 bytes of value 0 for node 4.
  graph.nodes = {makeNode(1, {}),  makeNode(1, {0}),    makeNode(1, {0}),
                 makeNode(1, {2}), makeNode(1, {1, 3}), makeNode(1, {4})};
  graph.lastCut = 5;
  EXPECT_EQ(refineOrder(graph), (std::vector<unsigned>{0, 2, 3, 1, 4, 5}));
  // Where it makes less than it reads, it stays.
  graph.values[1].bytes = 2;
  graph.values[0].bytes = 1000;
  graph.nodes[2].reads = {};
  EXPECT_EQ(refineOrder(graph), (std::vector<unsigned>{0, 1, 2, 3, 4, 5}));
}

} // namespace
