// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluation's order over the placements that there are, and over drawn ones.
#include "RandomTable.h"

#include "dpc/Schedule/core/Forwards.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Generators.h"

#include <gtest/gtest.h>
#include <set>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

// Whether all ranks come to their ends when a forward waits for the stages before it
// and for later stages to have done what left this one two waves before they take it.
void expectLegal(const Table &training, const std::string &name) {
  Table table = forwardsOf(training);
  EXPECT_EQ(table.replicas, training.replicas) << name;
  std::set<std::pair<unsigned, unsigned>> tasks;
  size_t left = 0;
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Action &action : table.actions[rank]) {
      EXPECT_FALSE(action.second) << name;
      EXPECT_EQ(action.first.kind, Kind::Forward) << name;
      EXPECT_EQ(table.rankOf(action.first.stage, action.first.microBatch), rank) << name;
      EXPECT_TRUE(tasks.insert({action.first.stage, action.first.microBatch}).second) << name;
      ++left;
    }
  EXPECT_EQ(tasks.size(), size_t(table.stages) * table.microBatches) << name;

  std::set<std::pair<unsigned, unsigned>> done;
  std::vector<size_t> next(table.ranks, 0);
  while (left) {
    size_t before = left;
    for (unsigned rank = 0; rank < table.ranks; ++rank)
      while (next[rank] < table.actions[rank].size()) {
        auto [kind, stage, m] = table.actions[rank][next[rank]].first;
        unsigned first = table.replicas[table.replicaOf(m)].firstMicroBatch;
        bool ready = true;
        for (unsigned s = 0; s < stage; ++s)
          ready &= done.count({s, m}) > 0;
        for (unsigned s = stage + 1; s < table.stages; ++s)
          if (m >= first + (s - stage) + 1)
            ready &= done.count({s, m - (s - stage) - 1}) > 0;
        if (!ready)
          break;
        done.insert({stage, m});
        ++next[rank];
        --left;
      }
    ASSERT_LT(left, before) << name << " cannot go on";
  }
}

} // namespace

TEST(Forwards, OfEverySchedule) {
  unsigned seen = 0;
  for (const Generator &generator : generators())
    for (unsigned ranks : {1u, 2u, 4u})
      for (unsigned microBatches : {1u, 2u, 8u, 12u}) {
        Request request{ranks, microBatches, {}};
        if (!generator.check(request).empty())
          continue;
        ++seen;
        expectLegal(generator.generate(request), std::string(generator.name) + " on " +
                                                     std::to_string(ranks) + " with " +
                                                     std::to_string(microBatches));
      }
  EXPECT_GT(seen, 60u);
}

TEST(Forwards, OfAnyPlacement) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Random random(seed);
    expectLegal(makeTable(random), "seed " + std::to_string(seed));
  }
}

TEST(Forwards, GoOnInWaves) {
  auto text = parseText("schedule s\nranks 2\nstages 2\nmicro-batches 4\n"
                        "replica 0: micro-batches 0..1 on ranks 0 1\n"
                        "replica 1: micro-batches 2..3 on ranks 1 0\n"
                        "rank 0: 0F0 0F1 1F2 1F3 0B0 0B1 1B2 1B3\n"
                        "rank 1: 0F2 0F3 1F0 1F1 1B0 1B1 0B2 0B3\n");
  ASSERT_TRUE(text.ok()) << text.error();
  Table forwards = forwardsOf(*text);
  auto order = [&](unsigned rank) {
    std::string line;
    for (const Action &action : forwards.actions[rank])
      line +=
          std::to_string(action.first.stage) + "F" + std::to_string(action.first.microBatch) + " ";
    return line;
  };
  EXPECT_EQ(order(0), "0F0 1F2 0F1 1F3 ");
  EXPECT_EQ(order(1), "0F2 1F0 0F3 1F1 ");
}
