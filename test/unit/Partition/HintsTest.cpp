// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a model asks for (`pipeline_stage`) is kept, or refused naming who asks.
#include "Exhaustive.h"
#include "RandomGraph.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace dpc::partition;
using namespace dpc::partition::test;

namespace {

/// The rule of Cuts.h, by its words.
bool keepsHints(const Graph &graph, const Assignment &stageOf, unsigned stages) {
  std::map<int, std::set<unsigned>> stagesOf;
  std::map<unsigned, std::set<int>> hintsOf;
  for (unsigned i = 0; i < graph.nodes.size(); ++i)
    if (int hint = graph.nodes[i].hint; hint >= 0) {
      stagesOf[hint].insert(stageOf[i]);
      hintsOf[stageOf[i]].insert(hint);
    }
  if (stagesOf.size() <= stages)
    return std::all_of(hintsOf.begin(), hintsOf.end(),
                       [](auto &entry) { return entry.second.size() == 1; });
  return std::all_of(stagesOf.begin(), stagesOf.end(),
                     [](auto &entry) { return entry.second.size() == 1; });
}

/// Whether a path leads from a node that asks for a stage to one that asks for an
/// earlier one.
bool hasConflict(const Graph &graph) {
  std::vector<int> largest;
  for (const Node &node : graph.nodes) {
    int before = -1;
    for (unsigned v : node.reads)
      before = std::max(before, largest[graph.values[v].producer]);
    if (node.hint >= 0 && node.hint < before)
      return true;
    largest.push_back(std::max(before, node.hint));
  }
  return false;
}

void drawHints(Random &random, Graph &graph, bool ascending) {
  unsigned kinds = random.from(1, 4), at = 0;
  for (Node &node : graph.nodes) {
    at = std::min(kinds - 1, at + random.oneIn(3));
    if (!random.oneIn(3))
      node.hint = ascending ? at : random.below(kinds);
  }
}

void expectBestWithHints(const Graph &graph, unsigned stages) {
  CutOptions options;
  options.stages = stages;
  options.tolerance = 0;
  CutResult result = findCuts(graph, options);
  double best = findBestCuts(
      graph, stages, [&](const Assignment &stageOf) { return keepsHints(graph, stageOf, stages); });
  if (best == kNone) {
    EXPECT_EQ(result.error, "cannot be cut into " + std::to_string(stages) +
                                " stages that keep the stages its nodes ask for");
    return;
  }
  ASSERT_EQ(result.error, "");
  Assignment stageOf = getAssignment(graph, result.cuts);
  EXPECT_TRUE(keepsHints(graph, stageOf, stages));
  EXPECT_NEAR(getSlowest(graph, stageOf, stages), best, 1e-9);
}

TEST(Hints, TheBestCutsThatKeepThemAreFound) {
  unsigned agreeing = 0;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    Graph graph = random.oneIn(2) ? makeChain(random, random.from(2, 10))
                                  : makeDag(random, random.from(2, 10));
    drawHints(random, graph, !random.oneIn(4));
    HintConflict conflict = findHintConflict(graph);
    SCOPED_TRACE("seed " + std::to_string(seed));
    EXPECT_EQ(conflict.found, hasConflict(graph));
    if (conflict.found)
      continue;
    ++agreeing;
    graph = reorder(graph, refineOrder(graph));
    for (unsigned stages = 1; stages <= std::min(graph.lastCut + 1, 5u); ++stages) {
      SCOPED_TRACE(std::to_string(stages) + " stages of " + std::to_string(graph.nodes.size()) +
                   " nodes");
      expectBestWithHints(graph, stages);
    }
  }
  EXPECT_GT(agreeing, 300u);
}

TEST(Hints, AConflictNamesBothNodes) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Graph graph = makeDag(random, random.from(2, 12));
    drawHints(random, graph, false);
    HintConflict conflict = findHintConflict(graph);
    if (!conflict.found)
      continue;
    EXPECT_GE(graph.nodes[conflict.reader].hint, 0);
    EXPECT_GT(graph.nodes[conflict.producer].hint, graph.nodes[conflict.reader].hint);
    // The one needs the other: walk back from the reader.
    std::set<unsigned> needed = {conflict.reader};
    for (unsigned i = conflict.reader + 1; i-- > 0;)
      if (needed.count(i))
        for (unsigned v : graph.nodes[i].reads)
          needed.insert(graph.values[v].producer);
    EXPECT_TRUE(needed.count(conflict.producer));
  }
}

Graph makePlainChain(std::vector<int> hints) {
  Graph graph;
  for (unsigned i = 0; i < hints.size(); ++i) {
    Node node;
    node.seconds = 1;
    node.signature = i;
    node.hint = hints[i];
    if (i) {
      graph.values.push_back({i - 1, 4, true});
      node.reads = {i - 1};
    }
    graph.nodes.push_back(node);
  }
  graph.lastCut = hints.size() - 1;
  return graph;
}

std::vector<unsigned> cut(const Graph &graph, unsigned stages) {
  CutOptions options;
  options.stages = stages;
  CutResult result = findCuts(graph, options);
  EXPECT_EQ(result.error, "");
  return result.cuts.starts;
}

TEST(Hints, AsManyAsStagesAreTheStages) {
  // Far from balanced, and kept; node 4 asks for nothing and balances.
  EXPECT_EQ(cut(makePlainChain({0, 1, 1, 1, -1, 2}), 3), (std::vector<unsigned>{0, 1, 4}));
}

TEST(Hints, MoreStagesThanHintsDivideThem) {
  std::vector<unsigned> starts = cut(makePlainChain({0, 0, 0, 0, 1, 1}), 3);
  EXPECT_EQ(starts, (std::vector<unsigned>{0, 2, 4}));
}

TEST(Hints, FewerStagesThanHintsJoinThem) {
  EXPECT_EQ(cut(makePlainChain({0, 0, 0, 1, 2, 2}), 2), (std::vector<unsigned>{0, 3}));
}

// The loss (nodes 3 and 4) stays last; node 3 asks for stage 1, and node 2, on
// another branch, for stage 2. Stage 1 begins with node 1 then, and is not divided.
TEST(Hints, TheLossIsNotPartedFromTheStageItAsksFor) {
  Graph graph = makePlainChain({0, 1, 2, 1, -1});
  graph.nodes[2].reads = {0};
  graph.nodes[3].reads = {1};
  graph.nodes[4].reads = {2, 3};
  graph.nodes[3].seconds = 100;
  graph.lastCut = 3;
  EXPECT_FALSE(findHintConflict(graph).found);
  EXPECT_EQ(cut(graph, 2), (std::vector<unsigned>{0, 1}));
}

// Two branches that do not know of each other, written alternately: the order puts
// the nodes of one stage together.
TEST(Hints, NodesMoveToTheStageTheyAskFor) {
  Graph graph;
  graph.values = {{0, 4, true}, {1, 4, true}, {2, 4, true}, {3, 4, true}};
  for (std::pair<int, std::vector<unsigned>> node :
       std::vector<std::pair<int, std::vector<unsigned>>>{
           {0, {}}, {1, {}}, {0, {0}}, {1, {1}}, {-1, {2, 3}}}) {
    Node made;
    made.seconds = 1;
    made.hint = node.first;
    made.reads = node.second;
    graph.nodes.push_back(made);
  }
  graph.lastCut = 4;
  EXPECT_EQ(refineOrder(graph), (std::vector<unsigned>{0, 2, 1, 3, 4}));
}

} // namespace
