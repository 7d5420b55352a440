// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The simulator against its rules, on schedules of every shape.
#include "Oracle.h"
#include "RandomTable.h"
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Placement.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Generators.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

constexpr double kRounding = 1e-9;

void expectTimes(const Table &table, const Costs &costs) {
  Result<Simulation> got = simulate(table, costs);
  ASSERT_TRUE(got.ok()) << got.error() << "\n" << printText(table);
  Times wanted = findTimes(table, costs);
  EXPECT_NEAR(got->makespan, wanted.makespan, kRounding) << printText(table);
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    ASSERT_EQ(got->start[rank].size(), wanted.start[rank].size());
    for (size_t i = 0; i < wanted.start[rank].size(); ++i) {
      EXPECT_NEAR(got->start[rank][i], wanted.start[rank][i], kRounding)
          << "rank " << rank << ", position " << i << "\n"
          << printText(table);
      EXPECT_NEAR(got->end[rank][i], wanted.end[rank][i], kRounding)
          << "rank " << rank << ", position " << i;
    }
    EXPECT_NEAR(got->idle[rank], wanted.idle[rank], kRounding) << "rank " << rank;
    EXPECT_NEAR(got->spanIdle[rank], wanted.spanIdle[rank], kRounding) << "rank " << rank;
    EXPECT_NEAR(got->peakActivations[rank], wanted.peak[rank], kRounding) << "rank " << rank;
    EXPECT_NEAR(got->peakBytes[rank], wanted.peakBytes[rank], kRounding) << "rank " << rank;
  }
  // Of the same times, to the last bit: a chain of equations.
  wanted.start = got->start;
  wanted.end = got->end;
  wanted.makespan = got->makespan;
  EXPECT_TRUE(isCritical(wanted, got->criticalPath)) << printText(table);
}

TEST(Simulate, GivesTheEarliestTimes) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Table table = makeTable(random);
    EXPECT_TRUE(check(table).empty()) << check(table).front() << "\n" << printText(table);
    expectTimes(table, makeCosts(random));
  }
}

TEST(Simulate, GivesTheEarliestTimesOfUnequalStagesAndLinks) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Table table = makeTable(random);
    expectTimes(table, makeStageCosts(random, table));
  }
}

TEST(Simulate, GivesTheEarliestTimesOfEverySchedule) {
  Random random(1);
  for (const Generator &generator : generators())
    for (unsigned ranks = 1; ranks <= 6; ++ranks)
      for (unsigned microBatches = 1; microBatches <= 14; ++microBatches) {
        Request request{ranks, microBatches, {}};
        if (!generator.check(request).empty())
          continue;
        SCOPED_TRACE(std::string(generator.name) + ", P = " + std::to_string(ranks) +
                     ", M = " + std::to_string(microBatches));
        Table table = generator.generate(request);
        EXPECT_TRUE(isLegal(table));
        expectTimes(table, makeCosts(random));
        expectTimes(table, makeStageCosts(random, table));
      }
}

// Times only grow with costs: no anomaly in a fixed order.
TEST(Simulate, LongerTasksNeverMakeItShorter) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    Costs costs = makeCosts(random), longer = costs;
    double *grown[] = {&longer.forward, &longer.input, &longer.weight, &longer.pair, &longer.comm};
    *grown[random.below(5)] += 1;
    EXPECT_LE(simulate(table, costs)->makespan, simulate(table, longer)->makespan)
        << "seed " << seed;
  }
}

// Two ranks, each first asking for what the other does later.
TEST(Simulate, SaysWhereEveryRankWaits) {
  Result<Table> table = parseText("schedule circle\nranks 2\nstages 2\nmicro-batches 2\nreplica 0: "
                                  "micro-batches 0..0 on ranks 0 1\n"
                                  "replica 1: micro-batches 1..1 on ranks 1 0\nrank 0: 1F1 0F0 0B0 "
                                  "1B1\nrank 1: 1F0 0F1 0B1 1B0\n");
  ASSERT_TRUE(table.ok()) << table.error();
  Result<Simulation> result = simulate(*table, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), "ranks wait for each other, and 2 of 2 cannot go on:\n  rank 0, "
                            "position 0: 1F1 waits for 0F1 at position 1 of rank 1\n"
                            "  rank 1, position 0: 1F0 waits for 0F0 at position 1 of rank 0");
}

// What nobody does is waited for in vain, also where `check` was not asked before.
TEST(Simulate, SaysWhatIsNeverDone) {
  Table table = *generate("1f1b", {3, 2, {}});
  table.actions[1].clear();
  Result<Simulation> result = simulate(table, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), "a rank waits for what is never done, and 2 of 3 cannot go on:\n"
                            "  rank 0, position 2: 0B0 waits for 1I0, which rank 1 never does");
}

// Of a circle of many ranks, the first are shown.
TEST(Simulate, ShowsTheStartOfALongCircle) {
  Table table = startTable("circle", Placement::Linear, 30, 1, 30);
  // Each rank starts with what the one before comes to last.
  for (unsigned rank = 0; rank < 30; ++rank) {
    Replica replica{rank, rank + 1, {}};
    for (unsigned stage = 0; stage < 30; ++stage)
      replica.rankOfStage.push_back((rank + stage) % 30);
    table.replicas.resize(rank + 1);
    table.replicas[rank] = replica;
  }
  for (unsigned rank = 0; rank < 30; ++rank)
    for (unsigned stage = 29; stage < 30; --stage)
      table.actions[rank].push_back({{Kind::Forward, stage, (rank + 30 - stage) % 30}, {}});
  std::string error = simulate(table, {}).error();
  EXPECT_EQ(error.rfind("ranks wait for each other, and 30 of 30 cannot go on:\n  rank 0, position "
                        "0: 29F1 waits for 28F1 at position 1 of rank 29\n",
                        0),
            0u)
      << error;
  EXPECT_NE(error.find("\n  ... and 18 more, the last of which waits for rank 0"),
            std::string::npos)
      << error;
  EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 13);
}

// A pair waits for both its tasks and yields both results at its end.
TEST(Simulate, APairIsOneAction) {
  Result<Table> table = parseText("schedule pair\nranks 2\nstages 2\nmicro-batches 2\nreplica 0: "
                                  "micro-batches 0..1 on ranks 0 1\n"
                                  "rank 0: 0F0 0F1 0B0 0B1\nrank 1: 1F0 (1F1&1B0) 1B1\n");
  ASSERT_TRUE(table.ok()) << table.error();
  Costs costs{1, 2, 3, 5.5, 0.25};
  Result<Simulation> result = simulate(*table, costs);
  ASSERT_TRUE(result.ok()) << result.error();
  EXPECT_EQ(result->start[1],
            (std::vector<double>{1.25, 2.25, 7.75})); // 1F1's input is there at 2.25
  EXPECT_EQ(result->end[1], (std::vector<double>{2.25, 7.75, 12.75}));
  EXPECT_EQ(result->start[0], (std::vector<double>{0, 1, 8, 13}));
  EXPECT_EQ(result->makespan, 18);
  EXPECT_EQ(result->peakActivations, (std::vector<double>{2, 2}));
}

} // namespace
