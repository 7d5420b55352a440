// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Waits that others imply, against reachability worked out edge by edge.
#include "ImpliedWaits.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace dpc::lowering;

namespace {

TEST(ImpliedWaitsTest, WhatAnotherWaitTellsIsNotNeeded) {
  ImpliedWaits waits(3);
  auto a = waits.add(0, {}, {});
  auto b = waits.add(1, {}, {{{0}, {a}}});
  waits.add(2, {}, {{{1}, {a}}, {{2}, {b}}});
  EXPECT_TRUE(waits.isNeeded(0));
  EXPECT_FALSE(waits.isNeeded(1)) << "b comes behind a";
  EXPECT_TRUE(waits.isNeeded(2));
}

TEST(ImpliedWaitsTest, WhatTheStreamKnowsIsNotNeeded) {
  ImpliedWaits waits(2);
  auto a = waits.add(0, {}, {});
  auto b = waits.add(0, {}, {});
  waits.add(1, {}, {{{0}, {b}}});
  waits.add(1, {}, {{{1}, {a}}, {{2}, {b}}});
  EXPECT_FALSE(waits.isNeeded(1));
  EXPECT_FALSE(waits.isNeeded(2));
}

TEST(ImpliedWaitsTest, OfTwoEqualOnesTheFirstStays) {
  ImpliedWaits waits(2);
  auto a = waits.add(0, {}, {});
  waits.add(1, {}, {{{0}, {a}}, {{1}, {a}}});
  EXPECT_TRUE(waits.isNeeded(0));
  EXPECT_FALSE(waits.isNeeded(1));
}

TEST(ImpliedWaitsTest, AWaitOfSeveralStaysForOne) {
  ImpliedWaits waits(3);
  auto a = waits.add(0, {}, {});
  auto b = waits.add(1, {}, {});
  waits.add(2, {}, {{{0}, {a}}});
  waits.add(2, {}, {{{1}, {a, b}}});
  EXPECT_TRUE(waits.isNeeded(1));
}

TEST(ImpliedWaitsTest, ANumberIsNeededIfItIsOnce) {
  ImpliedWaits waits(2);
  auto a = waits.add(0, {}, {});
  waits.add(1, {}, {{{0, 1}, {a}}});
  waits.add(1, {}, {{{0}, {a}}});
  EXPECT_TRUE(waits.isNeeded(0));
  EXPECT_TRUE(waits.isNeeded(1));
  EXPECT_FALSE(waits.isNeeded(2)) << "nothing has it";
}

TEST(ImpliedWaitsTest, AJoinStandsForWhatComesBeforeIt) {
  ImpliedWaits waits(3);
  auto a = waits.add(0, {}, {});
  auto b = waits.add(1, {}, {{{0}, {a}}});
  auto join = waits.add(0, {}, {}, true);
  waits.add(2, {}, {{{1}, {b}}, {{2}, {join}}});
  EXPECT_TRUE(waits.isNeeded(1));
  EXPECT_FALSE(waits.isNeeded(2)) << "b comes behind all that the join comes behind";

  ImpliedWaits others(3);
  a = others.add(0, {}, {});
  b = others.add(1, {}, {{{0}, {a}}});
  others.add(0, {}, {});
  join = others.add(0, {}, {}, true);
  others.add(2, {}, {{{1}, {b}}, {{2}, {join}}});
  EXPECT_TRUE(others.isNeeded(2)) << "something comes between";
}

// A wait for a join and one for what is before it say the same: one of them stays.
TEST(ImpliedWaitsTest, AJoinAndWhatIsBeforeItDoNotTellEachOtherAway) {
  for (bool joinFirst : {false, true}) {
    ImpliedWaits waits(2);
    auto a = waits.add(0, {}, {});
    auto join = waits.add(0, {}, {}, true);
    waits.add(1, {}, {{{0}, {joinFirst ? join : a}}, {{1}, {joinFirst ? a : join}}});
    EXPECT_TRUE(waits.isNeeded(0));
    EXPECT_FALSE(waits.isNeeded(1));
  }
}

// Every edge of its own: needed exactly if there is no other way, and without all that are
// not needed the same is reached.
TEST(ImpliedWaitsTest, IsTheTransitiveReduction) {
  std::mt19937 random(20261130);
  for (unsigned round = 0; round < 300; ++round) {
    const unsigned axes = 1 + random() % 5, count = 2 + random() % 24;
    ImpliedWaits waits(axes);
    std::vector<unsigned> axisOf;
    std::set<std::pair<unsigned, unsigned>> fixed, edges;
    std::vector<std::pair<unsigned, unsigned>> numbered;
    // In every second round some touch nothing.
    std::vector<bool> joins;
    for (unsigned node = 0; node < count; ++node) {
      joins.push_back(round % 2 && random() % 3 == 0);
      unsigned axis = random() % axes;
      for (unsigned other = node; other-- > 0;)
        if (axisOf[other] == axis) {
          fixed.insert({other, node});
          break;
        }
      std::vector<ImpliedWaits::Wait> own;
      for (unsigned k = node ? random() % 4 : 0; k > 0; --k) {
        unsigned source = random() % node;
        if (fixed.count({source, node}) || !edges.insert({source, node}).second)
          continue;
        own.push_back({{unsigned(numbered.size())}, {source}});
        numbered.push_back({source, node});
      }
      ASSERT_EQ(waits.add(axis, {}, own, joins.back()), node);
      axisOf.push_back(axis);
    }
    auto reaches = [&](const std::set<std::pair<unsigned, unsigned>> &all) {
      std::vector<std::vector<bool>> reached(count, std::vector<bool>(count, false));
      for (unsigned to = 0; to < count; ++to)
        for (auto [source, node] : all)
          if (node == to) {
            reached[source][to] = true;
            for (unsigned from = 0; from < source; ++from)
              if (reached[from][source])
                reached[from][to] = true;
          }
      return reached;
    };
    std::set<std::pair<unsigned, unsigned>> all = fixed, left = fixed;
    all.insert(edges.begin(), edges.end());
    for (unsigned number = 0; number < numbered.size(); ++number) {
      auto [source, node] = numbered[number];
      auto without = all;
      without.erase({source, node});
      if (round % 2 == 0)
        EXPECT_EQ(waits.isNeeded(number), !reaches(without)[source][node])
            << "round " << round << ": " << source << " before " << node;
      if (waits.isNeeded(number))
        left.insert({source, node});
    }
    auto before = reaches(all), after = reaches(left);
    for (unsigned from = 0; from < count; ++from)
      for (unsigned to = from + 1; to < count; ++to)
        if (!joins[from] && !joins[to])
          EXPECT_EQ(before[from][to], after[from][to])
              << "round " << round << ": " << from << " before " << to;
  }
}

} // namespace
