// No schedule is shorter than its lower bound, whatever its costs.
#include "RandomTable.h"
#include "dpc/Schedule/Generators.h"
#include "dpc/Schedule/Text.h"

#include <gtest/gtest.h>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

TEST(Bound, HoldsForEveryOrderAndPlacement) {
  unsigned met = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    Costs costs = makeCosts(random);
    // Also for a pair that takes less than its parts: a user may write any number.
    if (random.oneIn(4))
      costs.pair = random.below(9) / 4.0;
    Result<Simulation> result = simulate(table, costs);
    ASSERT_TRUE(result.ok());
    ASSERT_GE(result->makespan, result->lowerBound - 1e-9) << "seed " << seed << ", F/I/W/FB/comm = " << costs.forward << "/" << costs.input << "/"
                                                           << costs.weight << "/" << costs.pair << "/" << costs.comm << "\n"
                                                           << printText(table);
    met += result->makespan <= result->lowerBound + 1e-9;
  }
  EXPECT_GT(met, 100u); // and is no number that nothing reaches
}

TEST(Bound, OfEachPlacementIsTheKnownOne) {
  Costs costs{1, 1, 1, 3, 0};
  auto bound = [&](const char *name, unsigned ranks, unsigned microBatches, bool pairs) {
    return lowerBound(*generate(name, {ranks, microBatches, {}}), costs, pairs);
  };
  for (unsigned P : {2u, 4u, 8u})
    for (unsigned M : {2 * P, 20u, 32u}) {
      EXPECT_EQ(bound("1f1b", P, M, false), P - 1 + 3 * M); // (P-1)F + M(F+I+W)
      EXPECT_EQ(bound("dualpipev", P, M, true), std::max((P - 1) / 2.0, 0.0) + 3 * M);
      EXPECT_EQ(bound("dualpipe", P, M, true), P / 2.0 - 1 + 3 * M);
    }
  // A pair that takes two thirds leaves two thirds of the work.
  costs.pair = 2;
  EXPECT_EQ(bound("dualpipe", 4, 8, true), 1 + 2 * 8);
  EXPECT_EQ(bound("dualpipe", 4, 8, false), 1 + 3 * 8);
  // One micro-batch, all the way: the bound of few micro-batches.
  EXPECT_EQ(bound("1f1b", 8, 1, false), 8 * 2 + 1);
}

} // namespace
