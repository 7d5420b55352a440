// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is kept and what is computed again, against every choice there is on small
// graphs: which operations are computed again decides everything else.
#include "dpc/Autodiff/Residuals.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <string>

using namespace dpc::autodiff;

namespace {

/// Operations of one or two results over arguments and earlier results. A value
/// that is not keepable is an operation's that can be computed again for nothing.
ResidualGraph makeGraph(std::mt19937 &random) {
  auto below = [&](unsigned limit) { return static_cast<unsigned>(random() % limit); };
  ResidualGraph graph;
  unsigned arguments = 1 + below(3), operations = 1 + below(7);
  for (unsigned i = 0; i < arguments; ++i)
    graph.values.push_back({below(20), true, below(4) == 0});
  for (unsigned i = 0; i < operations; ++i) {
    ResidualGraph::Operation operation;
    for (unsigned reads = below(3); reads > 0; --reads)
      operation.operands.push_back(below(graph.values.size()));
    operation.recomputable = below(4) != 0;
    operation.flops = below(3) == 0 ? 0 : below(12);
    bool isFree = operation.recomputable && operation.flops == 0 && below(2) == 0;
    for (unsigned results = 1 + (below(4) == 0); results > 0; --results) {
      operation.results.push_back(graph.values.size());
      graph.values.push_back({below(20), !isFree, below(3) == 0});
    }
    graph.operations.push_back(operation);
  }
  return graph;
}

struct Cost {
  int64_t cost, flops;
};

/// What a set of operations computed again costs; nullopt if one of them cannot be,
/// or a value that is wanted then can neither be kept nor is made.
std::optional<Cost> evaluate(const ResidualGraph &graph, unsigned again) {
  Cost result{0, 0};
  std::vector<char> wanted(graph.values.size()), made(graph.values.size());
  for (unsigned v = 0; v < graph.values.size(); ++v)
    wanted[v] = graph.values[v].needed;
  for (unsigned i = 0; i < graph.operations.size(); ++i) {
    if (!(again >> i & 1))
      continue;
    const ResidualGraph::Operation &operation = graph.operations[i];
    if (!operation.recomputable)
      return std::nullopt;
    result.flops += operation.flops;
    for (unsigned v : operation.operands)
      wanted[v] = 1;
    for (unsigned v : operation.results)
      made[v] = 1;
  }
  for (unsigned v = 0; v < graph.values.size(); ++v)
    if (wanted[v] && !made[v]) {
      if (!graph.values[v].keepable)
        return std::nullopt;
      result.cost += graph.values[v].cost;
    }
  return result;
}

std::vector<Cost> getChoices(const ResidualGraph &graph) {
  std::vector<Cost> choices;
  for (unsigned again = 0; again < 1u << graph.operations.size(); ++again)
    if (std::optional<Cost> cost = evaluate(graph, again))
      choices.push_back(*cost);
  return choices;
}

/// The cheapest choice of at most that many flops, and of these the one of fewest.
Cost findCheapest(const std::vector<Cost> &choices, int64_t flops) {
  std::optional<Cost> best;
  for (const Cost &choice : choices)
    if (choice.flops <= flops &&
        (!best || std::pair(choice.cost, choice.flops) < std::pair(best->cost, best->flops)))
      best = choice;
  return *best;
}

/// The choice is one: everything needed is there, and what is said of it is so.
void expectSound(const ResidualGraph &graph, const ResidualChoice &choice) {
  ASSERT_EQ(choice.kept.size(), graph.values.size());
  ASSERT_EQ(choice.recomputed.size(), graph.operations.size());
  std::vector<char> there(choice.kept.begin(), choice.kept.end());
  Cost sum{0, 0};
  for (unsigned v = 0; v < graph.values.size(); ++v)
    if (choice.kept[v]) {
      EXPECT_TRUE(graph.values[v].keepable) << "value " << v;
      sum.cost += graph.values[v].cost;
    }
  for (unsigned i = 0; i < graph.operations.size(); ++i) {
    if (!choice.recomputed[i])
      continue;
    EXPECT_TRUE(graph.operations[i].recomputable) << "operation " << i;
    sum.flops += graph.operations[i].flops;
    for (unsigned v : graph.operations[i].operands)
      EXPECT_TRUE(there[v]) << "operation " << i << " reads value " << v << ", which is not there";
    for (unsigned v : graph.operations[i].results) {
      EXPECT_FALSE(choice.kept[v]) << "value " << v << " is kept and computed again";
      there[v] = 1;
    }
  }
  for (unsigned v = 0; v < graph.values.size(); ++v)
    if (graph.values[v].needed)
      EXPECT_TRUE(there[v]) << "value " << v << " is needed";
  EXPECT_EQ(choice.cost, sum.cost);
  EXPECT_EQ(choice.flops, sum.flops);
}

TEST(Residuals, WithoutALimitTheCheapestChoiceOfAllIsMade) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    ResidualGraph graph = makeGraph(random);
    ResidualChoice choice = chooseResiduals(graph, kNoLimit);
    expectSound(graph, choice);
    Cost best = findCheapest(getChoices(graph), std::numeric_limits<int64_t>::max());
    ASSERT_EQ(choice.cost, best.cost);
    ASSERT_EQ(choice.flops, best.flops); // of several the one that computes least
  }
}

TEST(Residuals, WithoutABudgetOnlyWhatIsFreeIsComputedAgain) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    ResidualGraph graph = makeGraph(random);
    ResidualChoice choice = chooseResiduals(graph, 0);
    expectSound(graph, choice);
    ASSERT_EQ(choice.flops, 0);
    ASSERT_EQ(choice.cost, findCheapest(getChoices(graph), 0).cost);
  }
}

/// The best choice at a price, in 1/1024 of a unit of cost per flop; of several the
/// one that computes least.
Cost findAtPrice(const std::vector<Cost> &choices, int64_t price) {
  auto key = [&](const Cost &c) { return std::pair(1024 * c.cost + price * c.flops, c.flops); };
  return *std::min_element(choices.begin(), choices.end(),
                           [&](const Cost &a, const Cost &b) { return key(a) < key(b); });
}

// A budget between: the smallest price of a flop that keeps to it decides, prices
// up to 64 bytes; beyond, only what is free is computed again.
TEST(Residuals, ABudgetIsKeptAndUsedAsWellAsAPriceCan) {
  unsigned between = 0, beyond = 0;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    std::mt19937 random(seed);
    ResidualGraph graph = makeGraph(random);
    // Work and bytes as far apart as a budget meets.
    if (seed % 2)
      for (ResidualGraph::Value &value : graph.values)
        value.cost *= seed % 4 == 1 ? 9 : 50;
    std::vector<Cost> choices = getChoices(graph);
    int64_t most = findCheapest(choices, std::numeric_limits<int64_t>::max()).flops;
    if (most == 0)
      continue;
    for (int64_t budget : {most, most - 1, most / 2, int64_t(1)}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", budget " + std::to_string(budget) + " of " +
                   std::to_string(most));
      ResidualChoice choice = chooseResiduals(graph, budget);
      expectSound(graph, choice);
      ASSERT_LE(choice.flops, budget);
      Cost expected = findCheapest(choices, 0);
      bool found = false;
      for (int64_t price = 0; price <= 64 * 1024 && !found; ++price) {
        Cost at = findAtPrice(choices, price);
        if (at.flops > budget)
          continue;
        expected = at;
        found = true;
        between += price > 0;
      }
      beyond += !found;
      ASSERT_EQ(choice.cost, expected.cost);
      ASSERT_EQ(choice.flops, expected.flops);
    }
  }
  EXPECT_GT(between, 100u);
  EXPECT_GT(beyond, 10u);
}

// x -> a -> b -> c: two flops an operation; c is needed. Keeping x is the cheapest
// and takes all three; the budget buys them from the back.
TEST(Residuals, AChainIsCutWhereTheBudgetEnds) {
  ResidualGraph graph;
  graph.values = {{1, true, false}, {4, true, false}, {7, true, false}, {10, true, true}};
  for (unsigned i = 0; i < 3; ++i)
    graph.operations.push_back({{i}, {i + 1}, 2, true});
  auto kept = [&](int64_t budget) {
    ResidualChoice choice = chooseResiduals(graph, budget);
    return std::find(choice.kept.begin(), choice.kept.end(), true) - choice.kept.begin();
  };
  EXPECT_EQ(kept(kNoLimit), 0);
  EXPECT_EQ(kept(6), 0);
  EXPECT_EQ(kept(1), 3);
  EXPECT_EQ(kept(0), 3);
  // All prices rank the chain's places alike (each flop saves as much): one byte
  // more for x makes keeping a the choice of a price.
  graph.values[0].cost = 3;
  EXPECT_EQ(kept(5), 1);
}

// Bytes and flops near what an int64 holds do not overflow.
TEST(Residuals, HugeNumbersAreCompared) {
  int64_t huge = int64_t(1) << 55;
  ResidualGraph graph;
  graph.values = {{huge, true, false}, {8, true, true}};
  graph.operations = {{{0}, {1}, huge, true}};
  for (int64_t budget : {kNoLimit, int64_t(0), int64_t(10), huge}) {
    ResidualChoice choice = chooseResiduals(graph, budget);
    expectSound(graph, choice);
    EXPECT_TRUE(choice.kept[1]) << "budget " << budget;
  }
}

} // namespace
