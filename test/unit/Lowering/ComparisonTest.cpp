// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Lowering/Forecast/Comparison.h"

#include <gtest/gtest.h>

using namespace dpc::lowering;

namespace {

Alternative way(const char *schedule, double seconds, int64_t bytes) {
  Alternative alternative;
  alternative.schedule = schedule;
  alternative.seconds = seconds;
  alternative.bytes = bytes;
  return alternative;
}

TEST(Comparison, PrefersTheFasterOne) {
  Choice choice = choose(way("mine", 1, 100),
                         {way("slow", 1.2, 10), way("fast", 0.9, 200), way("good", 0.95, 100)});
  EXPECT_EQ(choice.advantage, Advantage::Faster);
  EXPECT_EQ(choice.index, 1u);
}

TEST(Comparison, OfTheFastestTakesTheSmallest) {
  Choice choice = choose(way("mine", 1, 100),
                         {way("fast", 0.900, 200), way("near", 0.905, 50), way("small", 0.95, 10)});
  EXPECT_EQ(choice.advantage, Advantage::Faster);
  EXPECT_EQ(choice.index, 1u);
}

TEST(Comparison, PrefersTheSmallerOneThatIsNoSlower) {
  Choice choice = choose(way("mine", 1, 100), {way("slow", 1.02, 10), way("small", 1.005, 60),
                                               way("smaller", 0.995, 50)});
  EXPECT_EQ(choice.advantage, Advantage::Smaller);
  EXPECT_EQ(choice.index, 2u);
}

TEST(Comparison, LeavesWhatIsGoodAlone) {
  EXPECT_EQ(choose(way("mine", 1, 100), {way("same", 0.995, 95), way("slow", 1.1, 10)}).advantage,
            Advantage::None);
  EXPECT_EQ(choose(way("mine", 1, 100), {}).advantage, Advantage::None);
  EXPECT_EQ(advise(way("mine", 1, 100), {way("same", 1, 100)}), "");
}

TEST(Comparison, DoesNotAdviseWhatAForecastCannotTell) {
  EXPECT_EQ(choose(way("mine", 1, 100), {way("fast", 0.96, 100)}).advantage, Advantage::None);
  EXPECT_EQ(choose(way("mine", 1, 100), {way("fast", 0.94, 100)}).advantage, Advantage::Faster);
}

TEST(Comparison, LongTimesAreHoursAndMinutes) {
  EXPECT_EQ(timeInWords(59.5), "59.5 s");
  EXPECT_EQ(timeInWords(61), "1 min 01 s");
  EXPECT_EQ(timeInWords(4170), "1 h 10 min");
}

TEST(Comparison, DoesNotAdviseWhatIsNotLegal) {
  Alternative illegal = way("fast", 0, 0);
  illegal.notLegal = "needs more micro-batches";
  EXPECT_EQ(choose(way("mine", 1, 100), {illegal}).advantage, Advantage::None);
}

TEST(Comparison, AdviceNamesBothTimesAndSizes) {
  EXPECT_EQ(advise(way("mine", 0.2, 60800000), {way("zb-h1", 0.18, 40000000)}),
            "--schedule zb-h1 would be faster: 180 ms a step instead of 200 ms (-10 %), 40 MB a "
            "rank instead of 60.8 MB (-34 %)");
  EXPECT_EQ(advise(way("mine", 0.2, 60800000), {way("1f1b", 0.2, 40000000)}),
            "--schedule 1f1b would be smaller: 40 MB a rank instead of 60.8 MB (-34 %), 200 ms a "
            "step instead of 200 ms (+0.0 %)");
}

TEST(Comparison, FindsWhereTwoBreakEven) {
  auto share = findBreakEven([](double x) { return 3 * x - 2; }, 0.5, 1);
  ASSERT_TRUE(share);
  EXPECT_NEAR(*share, 2.0 / 3, 1e-4);
  EXPECT_FALSE(findBreakEven([](double x) { return x; }, 0.5, 1));     // nowhere
  EXPECT_EQ(findBreakEven([](double x) { return x - 2; }, 0.5, 1), 1); // everywhere
}

TEST(Comparison, PathLinesJoinWhatOneRankDoesInARow) {
  using Part = ForecastPart;
  std::vector<PathLine> lines = compressPath({{Part::Other, 0, 0, "zero gradients", 0, 1},
                                              {Part::Task, 0, 0, "F0 m0", 1, 2},
                                              {Part::Task, 0, 0, "F0 m1", 2, 3},
                                              {Part::Message, 0, 1, "F0 m1 to rank 1", 3, 4},
                                              {Part::Message, 1, 0, "I1 m1 to rank 0", 4, 5},
                                              {Part::Task, 1, 0, "F1 m1", 5, 6},
                                              {Part::Task, 0, 0, "I0 m1", 6, 8}});
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[1].count, 2u);
  EXPECT_EQ(lines[1].first, "F0 m0");
  EXPECT_EQ(lines[1].last, "F0 m1");
  EXPECT_DOUBLE_EQ(lines[1].end - lines[1].start, 2);
  EXPECT_EQ(lines[2].destination, 1u);
  EXPECT_EQ(lines[3].rank, 1u); // a message of its own
  EXPECT_EQ(lines[5].rank, 0u);
}

} // namespace
