// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `--cuts`: module paths and node names become positions of the order.
#include "dpc/Partition/Cuts.h"

#include <gtest/gtest.h>

using namespace dpc::partition;

namespace {

/// A chain with a node per path; names are the path and the position.
Graph makeModules(const std::vector<std::string> &paths) {
  Graph graph;
  for (unsigned i = 0; i < paths.size(); ++i) {
    Node node;
    node.path = paths[i];
    node.name = paths[i] + "/node" + std::to_string(i);
    if (i) {
      graph.values.push_back({i - 1, 4, true});
      node.reads = {i - 1};
    }
    graph.nodes.push_back(node);
  }
  graph.lastCut = paths.size() - 1;
  return graph;
}

const Graph model = makeModules({"embed", "layers.1.attn", "layers.1.mlp", "layers.10", "layers.10",
                                 "layers.2.attn", "norm", "head"});

TEST(UserCuts, AModuleEndsAfterItsLastNode) {
  CutResult result = resolveCuts(model, {"embed", "layers.10"}, 3);
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.cuts.starts, (std::vector<unsigned>{0, 1, 5}));
}

TEST(UserCuts, APathIsWholeNames) {
  // layers.10 is no part of layers.1.
  EXPECT_EQ(resolveCuts(model, {"layers.1"}, 2).cuts.starts, (std::vector<unsigned>{0, 3}));
  EXPECT_EQ(resolveCuts(model, {"layers"}, 2).cuts.starts, (std::vector<unsigned>{0, 6}));
  EXPECT_NE(resolveCuts(model, {"layers.1.m"}, 2).error, "");
}

TEST(UserCuts, ANodeIsNamedByItsOwnName) {
  EXPECT_EQ(resolveCuts(model, {"layers.10/node3"}, 2).cuts.starts, (std::vector<unsigned>{0, 4}));
}

TEST(UserCuts, NoCutIsOneStage) {
  EXPECT_EQ(resolveCuts(model, {}, 1).cuts.starts, (std::vector<unsigned>{0}));
}

TEST(UserCuts, UnknownPathsNameTheNearestOnes) {
  EXPECT_EQ(resolveCuts(model, {"layers.3.attn"}, 2).error,
            "has no module or node 'layers.3.attn' to cut after; near it are 'layers.1.attn', "
            "'layers.2.attn'");
  // The end of a path is near it whatever stands before.
  EXPECT_EQ(resolveCuts(model, {"mlp"}, 2).error,
            "has no module or node 'mlp' to cut after; near it are 'layers.1.mlp'");
  EXPECT_EQ(resolveCuts(model, {"zzzzzzzz"}, 2).error,
            "has no module or node 'zzzzzzzz' to cut after");
}

TEST(UserCuts, WhatEveryStageMakesAgainIsNoPlaceToCut) {
  Graph graph = model;
  graph.repeated = {{"embed/gather", "embed", false},
                    {"tables/cos", "tables", true},
                    {"frozen/relu", "frozen", false}};
  EXPECT_EQ(resolveCuts(graph, {"frozen"}, 2).error,
            "cannot be cut after 'frozen': its result depends on no trained parameter, so every "
            "stage that reads it makes it again and "
            "nothing is sent; the first cut can be after 'embed/node0'");
  EXPECT_NE(resolveCuts(graph, {"tables/cos"}, 2).error.find("depends on no input"),
            std::string::npos);
  // A module of which a part is a node is a place.
  EXPECT_EQ(resolveCuts(graph, {"embed"}, 2).cuts.starts, (std::vector<unsigned>{0, 1}));
}

TEST(UserCuts, AtMostFiveNamesAreListed) {
  std::vector<std::string> paths;
  for (char c = 'a'; c < 'k'; ++c)
    paths.push_back(std::string("block") + c);
  std::string error = resolveCuts(makeModules(paths), {"block"}, 2).error;
  EXPECT_EQ(std::count(error.begin(), error.end(), ','), 4) << error;
}

TEST(UserCuts, WhatCannotBeIsSaid) {
  EXPECT_EQ(resolveCuts(model, {"embed"}, 3).error, "has 1 cuts for 3 stages; 2 are needed");
  EXPECT_EQ(resolveCuts(model, {"norm", "embed"}, 3).error,
            "would have a stage that reads from a later one: the cut after 'embed' lies before the "
            "cut after 'norm'");
  EXPECT_EQ(resolveCuts(model, {"norm", "norm/node6"}, 3).error,
            "has nothing between the cuts after 'norm' and 'norm/node6'");
  EXPECT_EQ(resolveCuts(model, std::vector<std::string>(8, "embed"), 9).error,
            "cannot be cut into 9 stages; the largest number that this model allows is 8");
  // The loss is made by node 6 and what follows.
  Graph early = model;
  early.lastCut = 6;
  EXPECT_EQ(resolveCuts(early, {"layers.2"}, 2).error, "");
  EXPECT_EQ(resolveCuts(early, {"norm"}, 2).error,
            "cannot be cut after 'norm': the loss and its denominator are made by then, and "
            "nothing is left for the next stage");
}

} // namespace
