// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The minimum cut against all cuts of small networks.
#include "dpc/Autodiff/MinCut.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>

using namespace dpc::autodiff;

namespace {

constexpr int64_t kUncuttable = FlowNetwork::kUncuttable;

struct Edge {
  unsigned from, to;
  int64_t capacity;
};

struct Network {
  unsigned nodes;
  std::vector<Edge> edges;
};

/// Node 0 is the source, node 1 the sink. Some edges are empty, some uncuttable;
/// some run both ways, from a node to itself, or twice.
Network makeNetwork(std::mt19937 &random, bool uncuttable) {
  Network network{2 + static_cast<unsigned>(random() % 7), {}};
  unsigned count = random() % (3 * network.nodes);
  for (unsigned i = 0; i < count; ++i) {
    unsigned kind = random() % 8;
    int64_t capacity = kind == 0 ? 0 : kind == 1 && uncuttable ? kUncuttable : 1 + random() % 9;
    network.edges.push_back({static_cast<unsigned>(random() % network.nodes),
                             static_cast<unsigned>(random() % network.nodes), capacity});
  }
  return network;
}

/// The capacity of the cut whose sink side is the set; kUncuttable if it cuts what
/// must not be cut.
int64_t getCapacity(const Network &network, unsigned sinkSide) {
  int64_t sum = 0;
  for (const Edge &edge : network.edges) {
    if ((sinkSide >> edge.from & 1) || !(sinkSide >> edge.to & 1))
      continue;
    if (edge.capacity == kUncuttable)
      return kUncuttable;
    sum += edge.capacity;
  }
  return sum;
}

FlowNetwork build(const Network &network) {
  FlowNetwork flow;
  for (unsigned i = 0; i < network.nodes; ++i)
    EXPECT_EQ(flow.addNode(), i);
  for (const Edge &edge : network.edges)
    flow.addEdge(edge.from, edge.to, edge.capacity);
  return flow;
}

unsigned getSinkSide(const FlowNetwork &flow) {
  unsigned set = 0;
  std::vector<bool> side = flow.getSinkSide(1);
  for (unsigned i = 0; i < side.size(); ++i)
    set |= side[i] << i;
  return set;
}

void expectMinimum(const Network &network, uint32_t seed) {
  int64_t smallest = kUncuttable;
  unsigned nearest = ~0u; // what all smallest cuts have on the sink's side
  for (unsigned set = 0; set < 1u << network.nodes; ++set) {
    if ((set & 1) || !(set & 2))
      continue;
    int64_t capacity = getCapacity(network, set);
    if (capacity < smallest)
      nearest = ~0u;
    smallest = std::min(smallest, capacity);
    if (capacity == smallest)
      nearest &= set;
  }
  FlowNetwork flow = build(network);
  ASSERT_EQ(flow.maximizeFlow(0, 1), smallest) << "seed " << seed;
  if (smallest < kUncuttable) {
    ASSERT_EQ(getSinkSide(flow), nearest) << "seed " << seed;
    ASSERT_EQ(getCapacity(network, nearest), smallest) << "seed " << seed;
  }
}

TEST(MinCut, IsTheSmallestOfAllCutsAndNearestToTheSink) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    expectMinimum(makeNetwork(random, /*uncuttable=*/false), seed);
  }
}

TEST(MinCut, NeverCutsWhatMustNotBeCut) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    expectMinimum(makeNetwork(random, /*uncuttable=*/true), seed);
  }
}

TEST(MinCut, IsTheSameEveryTime) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    Network network = makeNetwork(random, true);
    FlowNetwork first = build(network), second = build(network);
    ASSERT_EQ(first.maximizeFlow(0, 1), second.maximizeFlow(0, 1)) << "seed " << seed;
    ASSERT_EQ(getSinkSide(first), getSinkSide(second)) << "seed " << seed;
  }
}

// The flow through an uncuttable edge in both directions: what runs back over it
// does not make it cuttable.
TEST(MinCut, AnUncuttableEdgeStaysSo) {
  Network network{
      6, {{0, 2, 5}, {2, 3, kUncuttable}, {3, 1, 4}, {0, 4, 3}, {4, 3, 3}, {2, 5, 2}, {5, 1, 9}}};
  expectMinimum(network, 0);
  network.edges.push_back({3, 2, kUncuttable});
  expectMinimum(network, 1);
}

// A chain as long as a model of many layers: paths are followed without recursion.
TEST(MinCut, ALongChainIsCutAtItsNarrowestPlace) {
  FlowNetwork flow;
  constexpr unsigned length = 200000;
  for (unsigned i = 0; i <= length; ++i)
    flow.addNode();
  for (unsigned i = 0; i < length; ++i)
    flow.addEdge(i, i + 1, i == length / 2 ? 3 : 1000);
  EXPECT_EQ(flow.maximizeFlow(0, length), 3);
  std::vector<bool> side = flow.getSinkSide(length);
  EXPECT_FALSE(side[length / 2]);
  EXPECT_TRUE(side[length / 2 + 1]);
}

} // namespace
