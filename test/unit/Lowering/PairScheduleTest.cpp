#include "PairSchedule.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace dpc::lowering;

namespace {

// A mixture-of-experts task: attention, dispatch, experts, combine.
void addTask(std::vector<PairCommand> &commands, std::vector<std::pair<double, bool>> steps) {
  unsigned first = commands.size();
  for (auto [seconds, communication] : steps) {
    PairCommand command{seconds, communication, {}};
    if (commands.size() > first)
      command.after = {(unsigned)commands.size() - 1};
    commands.push_back(command);
  }
}

void expectLegal(const std::vector<PairCommand> &commands, const PairSchedule &schedule, unsigned seed = 0) {
  std::vector<unsigned> sorted = schedule.order;
  std::sort(sorted.begin(), sorted.end());
  for (unsigned i = 0; i < sorted.size(); ++i)
    ASSERT_EQ(sorted[i], i) << "seed " << seed;
  for (unsigned i = 0; i < commands.size(); ++i)
    for (unsigned p : commands[i].after)
      EXPECT_GE(schedule.start[i], schedule.end[p] - 1e-12) << "seed " << seed;
  EXPECT_GE(schedule.makespan, pairLowerBound(commands) - 1e-12) << "seed " << seed;
}

TEST(PairSchedule, ForwardAndBackwardHideEachOthersAllToAlls) {
  std::vector<PairCommand> commands;
  addTask(commands, {{1, false}, {1, true}, {1, false}, {1, true}, {0.2, false}});                       // F
  addTask(commands, {{0.2, false}, {1, true}, {2, false}, {1, true}, {2, false}});                       // I
  addTask(commands, {{1, false}, {1, false}});                                                           // W
  PairSchedule schedule = schedulePair(commands);
  expectLegal(commands, schedule);
  double compute = 0, communication = 0, sum = 0;
  for (const PairCommand &command : commands) {
    (command.communication ? communication : compute) += command.seconds;
    sum += command.seconds;
  }
  EXPECT_LE(schedule.makespan, 1.1 * std::max(compute, communication));
  EXPECT_LT(schedule.makespan, sum);
  std::vector<unsigned> plain(commands.size());
  for (unsigned i = 0; i < plain.size(); ++i)
    plain[i] = i;
  EXPECT_GT(placeInOrder(commands, plain).makespan, schedule.makespan);
}

TEST(PairSchedule, WithoutCommunicationTasksStayWhole) {
  std::vector<PairCommand> commands;
  addTask(commands, {{1, false}, {2, false}});
  addTask(commands, {{3, false}, {1, false}});
  PairSchedule schedule = schedulePair(commands);
  EXPECT_EQ(schedule.order, (std::vector<unsigned>{0, 1, 2, 3}));
  EXPECT_DOUBLE_EQ(schedule.makespan, 7);
}

TEST(PairSchedule, RandomPairsAreLegalAndNeverLongerThanConcatenation) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<PairCommand> commands(2 + random() % 20);
    for (unsigned i = 0; i < commands.size(); ++i) {
      commands[i].seconds = (random() % 100) / 10.0;
      commands[i].communication = random() % 3 == 0;
      for (unsigned p = 0; p < i; ++p)
        if (random() % 4 == 0)
          commands[i].after.push_back(p);
    }
    PairSchedule schedule = schedulePair(commands);
    expectLegal(commands, schedule, seed);
    std::vector<unsigned> plain(commands.size());
    for (unsigned i = 0; i < plain.size(); ++i)
      plain[i] = i;
    EXPECT_LE(schedule.makespan, placeInOrder(commands, plain).makespan + 1e-9) << "seed " << seed;
  }
}

} // namespace
