// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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

void expectLegal(const std::vector<PairCommand> &commands, const PairSchedule &schedule,
                 unsigned seed = 0) {
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
  addTask(commands, {{1, false}, {1, true}, {1, false}, {1, true}, {0.2, false}}); // F
  addTask(commands, {{0.2, false}, {1, true}, {2, false}, {1, true}, {2, false}}); // I
  addTask(commands, {{1, false}, {1, false}});                                     // W
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

// Layers of experts, forward and backward, every piece of computing cut into small
// commands, and each command's weight half behind it. `share` is the links' part of
// the cores' seconds.
std::vector<PairCommand> expertLayers(std::mt19937 &random, unsigned layers, double share) {
  std::vector<PairCommand> commands;
  auto piece = [&](unsigned count, double scale) {
    std::vector<std::pair<double, bool>> steps;
    for (unsigned i = 0; i < count; ++i)
      steps.push_back({scale * (0.5 + (random() % 1000) / 1000.0), false});
    return steps;
  };
  std::vector<std::pair<double, bool>> forward, backward;
  auto append = [](auto &to, const auto &from) { to.insert(to.end(), from.begin(), from.end()); };
  for (unsigned layer = 0; layer < layers; ++layer) {
    append(forward, piece(4 + random() % 3, 0.4)); // attention
    forward.push_back({1, true});
    append(forward, piece(4 + random() % 3, 0.5)); // experts
    forward.push_back({1, true});
  }
  append(forward, piece(2, 0.1));
  append(backward, piece(2, 0.1));
  for (unsigned layer = 0; layer < layers; ++layer) {
    backward.push_back({1, true});
    append(backward, piece(4 + random() % 3, 0.5));
    backward.push_back({1, true});
    append(backward, piece(4 + random() % 3, 0.4));
  }
  addTask(commands, forward);
  unsigned first = commands.size();
  addTask(commands, backward);
  for (unsigned i = first, end = commands.size(); i < end; ++i)
    if (!commands[i].communication)
      commands.push_back({commands[i].seconds, false, {i}});
  double compute = 0, links = 0;
  for (const PairCommand &command : commands)
    (command.communication ? links : compute) += command.seconds;
  for (PairCommand &command : commands)
    if (command.communication)
      command.seconds *= compute * share / links;
  return commands;
}

// Where both are equal neither may ever be idle, which a few long exchanges do not
// always allow: searching long finds nothing shorter than this either.
TEST(PairSchedule, RandomLayersOfExpertsComeWithinATenthOfTheLonger) {
  for (double share : {0.25, 0.5, 0.75, 1.0, 1.5, 2.0})
    for (unsigned seed = 0; seed < 24; ++seed) {
      std::mt19937 random(seed);
      std::vector<PairCommand> commands = expertLayers(random, 1 + seed % 4, share);
      PairSchedule schedule = schedulePair(commands);
      expectLegal(commands, schedule, seed);
      double compute = 0, links = 0;
      for (const PairCommand &command : commands)
        (command.communication ? links : compute) += command.seconds;
      EXPECT_LE(schedule.makespan, (share == 1.0 ? 1.2 : 1.1) * std::max(compute, links))
          << "seed " << seed << ", share " << share;
      EXPECT_LT(schedule.makespan, compute + links) << "seed " << seed << ", share " << share;
    }
}

// Every legal order, one after the other.
double shortest(const std::vector<PairCommand> &commands) {
  std::vector<unsigned> order(commands.size());
  for (unsigned i = 0; i < order.size(); ++i)
    order[i] = i;
  double best = placeInOrder(commands, order).makespan;
  do {
    std::vector<unsigned> place(order.size());
    for (unsigned i = 0; i < order.size(); ++i)
      place[order[i]] = i;
    bool legal = true;
    for (unsigned i = 0; i < order.size() && legal; ++i)
      for (unsigned p : commands[i].after)
        legal &= place[p] < place[i];
    if (legal)
      best = std::min(best, placeInOrder(commands, order).makespan);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

TEST(PairSchedule, SmallPairsAreAsShortAsAnyOrder) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    std::vector<PairCommand> commands(7);
    for (unsigned i = 0; i < commands.size(); ++i) {
      commands[i].seconds = 1 + random() % 9;
      commands[i].communication = random() % 2;
      for (unsigned p = 0; p < i; ++p)
        if (random() % 4 == 0)
          commands[i].after.push_back(p);
    }
    double best = shortest(commands);
    EXPECT_LE(pairLowerBound(commands), best + 1e-9) << "seed " << seed;
    EXPECT_NEAR(schedulePair(commands).makespan, best, 1e-9) << "seed " << seed;
  }
}

TEST(PairSchedule, TheBoundCountsWhatComesBeforeAndAfterTheLinks) {
  std::vector<PairCommand> commands;
  addTask(commands, {{2, false}, {5, true}, {3, false}});
  addTask(commands, {{4, false}, {5, true}, {1, false}});
  EXPECT_DOUBLE_EQ(pairLowerBound(commands), 2 + 10 + 1);
  EXPECT_DOUBLE_EQ(schedulePair(commands).makespan, 2 + 10 + 1);
}

} // namespace
