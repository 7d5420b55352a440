// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Timeline.h"

#include <gtest/gtest.h>
#include <map>
#include <set>
#include <tuple>

using namespace dpc::lowering;

namespace {

// 1F1B on a chain: F takes 1, I and W take 1 each.
TimelineProblem chain(unsigned ranks, unsigned microBatches) {
  TimelineProblem problem;
  problem.ranks = problem.stages = ranks;
  problem.microBatches = microBatches;
  problem.tasks.resize(ranks);
  for (unsigned r = 0; r < ranks; ++r) {
    unsigned f = 0, b = 0;
    auto forward = [&] { problem.tasks[r].push_back({Task::Forward, r, f++, 0, 0}); };
    auto backward = [&] {
      problem.tasks[r].push_back({Task::Input, r, b, 0, 0});
      problem.tasks[r].push_back({Task::Weight, r, b++, 0, 0});
    };
    while (f < std::min(microBatches, ranks - r))
      forward();
    while (b < microBatches) {
      backward();
      if (f < microBatches)
        forward();
    }
  }
  for (unsigned s = 0; s + 1 < ranks; ++s)
    problem.edges.push_back({s, 0, s + 1, 0, true, 100});
  problem.rankOf = [](unsigned stage, unsigned) { return stage; };
  problem.duration = [](const Task &) { return TimelineProblem::Duration{1, 1, 1}; };
  return problem;
}

TEST(Timeline, OneForwardOneBackwardTakesTheClosedForm) {
  // I is sent before W runs: (P-1)(F+I) ahead of and behind M(F+B) on the last rank,
  // less what the split hides.
  std::string error;
  auto timeline = buildTimeline(chain(1, 4), error);
  ASSERT_TRUE(timeline);
  EXPECT_DOUBLE_EQ(timeline->makespan, 12);
  timeline = buildTimeline(chain(2, 8), error);
  ASSERT_TRUE(timeline);
  EXPECT_DOUBLE_EQ(timeline->busy[0], 24);
  EXPECT_GE(timeline->makespan, 25);
  EXPECT_LE(timeline->makespan, 27);
}

TEST(Timeline, ItemsStandAfterWhatTheyNeed) {
  std::string error;
  for (unsigned ranks : {2u, 3u, 4u}) {
    TimelineProblem problem = chain(ranks, 6);
    problem.latency = 0.25;
    auto timeline = buildTimeline(problem, error);
    ASSERT_TRUE(timeline);
    std::set<std::pair<unsigned, unsigned>> forwards, inputs, activations, gradients;
    for (const TimelineItem &item : timeline->items) {
      if (item.isMessage) {
        if (item.isGradient) {
          EXPECT_TRUE(inputs.count({problem.edges[item.edge].consumer, item.microBatch}));
          gradients.insert({item.edge, item.microBatch});
        } else {
          EXPECT_TRUE(forwards.count({problem.edges[item.edge].producer, item.microBatch}));
          activations.insert({item.edge, item.microBatch});
        }
        continue;
      }
      unsigned stage = item.task.stage, m = item.task.microBatch;
      if (item.task.kind == Task::Forward) {
        if (stage > 0)
          EXPECT_TRUE(activations.count({stage - 1, m}));
        forwards.insert({stage, m});
      } else if (item.task.kind == Task::Input) {
        if (stage + 1 < ranks)
          EXPECT_TRUE(gradients.count({stage, m}));
        inputs.insert({stage, m});
      }
    }
    EXPECT_EQ(activations.size(), (ranks - 1) * 6);
    EXPECT_EQ(gradients.size(), (ranks - 1) * 6);
  }
}

TEST(Timeline, AScheduleThatCannotGoOnNamesWhereRanksWait) {
  TimelineProblem problem = chain(2, 1);
  std::swap(problem.tasks[1][0], problem.tasks[1][1]); // backward before forward
  std::string error;
  EXPECT_FALSE(buildTimeline(problem, error));
  EXPECT_NE(error.find("rank 1 waits at I of stage 1, micro-batch 0"), std::string::npos) << error;
}

TEST(Timeline, ASkippedStageSendsStraightToItsConsumer) {
  TimelineProblem problem = chain(3, 2);
  problem.edges.push_back({0, 1, 2, 1, false, 10});
  std::string error;
  auto timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  unsigned direct = 0;
  for (const TimelineItem &item : timeline->items)
    direct += item.isMessage && item.rank == 0 && item.destination == 2;
  EXPECT_EQ(direct, 2u);
}

// Three outputs of stage 0: two go to rank 1, between them in the order of edges
// one to rank 2. Each rank's stand together and share a number.
TEST(Timeline, MessagesOfOneTaskToOneRankFormOneExchange) {
  TimelineProblem problem = chain(3, 6);
  problem.edges = {{0, 0, 1, 0, true, 100},
                   {0, 1, 2, 0, true, 100},
                   {0, 2, 1, 1, true, 100},
                   {1, 0, 2, 1, true, 100}};
  std::string error;
  auto timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  std::map<unsigned, std::vector<size_t>> exchanges;
  for (size_t i = 0; i < timeline->items.size(); ++i)
    if (timeline->items[i].isMessage)
      exchanges[timeline->items[i].exchange].push_back(i);
  unsigned doubles = 0;
  for (auto &[number, at] : exchanges) {
    const TimelineItem &first = timeline->items[at.front()];
    EXPECT_EQ(at.back() - at.front() + 1, at.size());
    doubles += at.size() == 2;
    for (size_t i : at) {
      const TimelineItem &item = timeline->items[i];
      EXPECT_EQ(std::tie(item.rank, item.destination, item.isGradient, item.microBatch),
                std::tie(first.rank, first.destination, first.isGradient, first.microBatch));
    }
  }
  // Per micro-batch: two activations from stage 0 to rank 1, two gradients back.
  EXPECT_EQ(doubles, 2 * 6u);
  EXPECT_EQ(exchanges.size(), 6 * 6u);
}

// Two ranks, stage 0 of either direction on its own rank: both send forward at
// the same moment, and no one waits between.
TEST(Timeline, MessagesThatRanksSendEachOtherFormOneExchange) {
  TimelineProblem problem;
  problem.ranks = problem.stages = problem.microBatches = 2;
  problem.rankOf = [](unsigned stage, unsigned microBatch) { return stage ^ microBatch; };
  problem.edges = {{0, 0, 1, 0, true, 100}};
  problem.duration = [](const Task &) { return TimelineProblem::Duration{1, 1, 1}; };
  problem.tasks.resize(2);
  for (unsigned r : {0u, 1u})
    problem.tasks[r] = {{Task::Forward, 0, r, 0, 0},   {Task::Forward, 1, 1 - r, 0, 0},
                        {Task::Input, 1, 1 - r, 0, 0}, {Task::Weight, 1, 1 - r, 0, 0},
                        {Task::Input, 0, r, 0, 0},     {Task::Weight, 0, r, 0, 0}};
  std::string error;
  auto timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  std::map<unsigned, std::set<unsigned>> senders;
  for (const TimelineItem &item : timeline->items)
    if (item.isMessage)
      senders[item.exchange].insert(item.rank);
  // One exchange of activations, one of gradients, each both ways.
  ASSERT_EQ(senders.size(), 2u);
  for (auto &[number, ranks] : senders)
    EXPECT_EQ(ranks.size(), 2u);

  // Where rank 1 sends much later, rank 0's activation does not wait for it.
  problem.duration = [](const Task &task) {
    double t = task.kind == Task::Forward && task.stage == 0 && task.microBatch == 1 ? 5 : 1;
    return TimelineProblem::Duration{t, t, t};
  };
  problem.tasks[1] = {{Task::Forward, 1, 0, 0, 0}, {Task::Input, 1, 0, 0, 0},
                      {Task::Weight, 1, 0, 0, 0},  {Task::Forward, 0, 1, 0, 0},
                      {Task::Input, 0, 1, 0, 0},   {Task::Weight, 0, 1, 0, 0}};
  timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  senders.clear();
  for (const TimelineItem &item : timeline->items)
    if (item.isMessage && !item.isGradient)
      senders[item.exchange].insert(item.rank);
  EXPECT_EQ(senders.size(), 2u);
}

// Both ranks send an activation, rank 1 a little later, and wait for what they get.
// A rank's exchanges follow each other, so that apart the later message would wait
// for the earlier one's arrival: together they go if that costs less.
TEST(Timeline, MessagesThatWouldHoldEachOtherUpGoTogether) {
  TimelineProblem problem;
  problem.ranks = problem.stages = problem.microBatches = 2;
  problem.rankOf = [](unsigned stage, unsigned microBatch) { return stage ^ microBatch; };
  problem.edges = {{0, 0, 1, 0, true, 100}};
  problem.latency = 2;
  problem.tasks.resize(2);
  for (unsigned r : {0u, 1u})
    problem.tasks[r] = {{Task::Forward, 0, r, 0, 0},   {Task::Forward, 1, 1 - r, 0, 0},
                        {Task::Input, 1, 1 - r, 0, 0}, {Task::Weight, 1, 1 - r, 0, 0},
                        {Task::Input, 0, r, 0, 0},     {Task::Weight, 0, r, 0, 0}};
  for (auto [later, together] : {std::pair{0.5, true}, {1.5, false}}) {
    problem.duration = [later = later](const Task &task) {
      double t =
          task.kind == Task::Forward && task.stage == 0 && task.microBatch == 1 ? 1 + later : 1;
      return TimelineProblem::Duration{t, t, t};
    };
    std::string error;
    auto timeline = buildTimeline(problem, error);
    ASSERT_TRUE(timeline) << error;
    std::set<unsigned> exchanges;
    for (const TimelineItem &item : timeline->items)
      if (item.isMessage && !item.isGradient)
        exchanges.insert(item.exchange);
    EXPECT_EQ(exchanges.size(), together ? 1u : 2u) << later;
  }
}

// A chain of forwards alone, in waves as evaluation runs them.
TimelineProblem forwards(unsigned ranks, unsigned microBatches) {
  TimelineProblem problem = chain(ranks, microBatches);
  for (unsigned r = 0; r < ranks; ++r) {
    problem.tasks[r].clear();
    for (unsigned m = 0; m < microBatches; ++m)
      problem.tasks[r].push_back({Task::Forward, r, m, 0, 0});
  }
  problem.firstOfReplica = [](unsigned) { return 0; };
  return problem;
}

TEST(Timeline, ForwardsAloneKeepAllStagesBusy) {
  std::string error;
  TimelineProblem problem = forwards(4, 12);
  problem.latency = 0.5;
  auto timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  // The first micro-batch comes to the end, and then one each time.
  EXPECT_DOUBLE_EQ(timeline->makespan, 4 + 3 * 0.5 + 11);
}

TEST(Timeline, AFastStageDoesNotRunAheadOfASlowOne) {
  std::string error;
  TimelineProblem problem = forwards(3, 20);
  problem.edges.push_back({0, 1, 2, 1, true, 100}); // past a stage
  problem.duration = [](const Task &task) {
    double seconds = task.stage == 2 ? 10 : 1;
    return TimelineProblem::Duration{seconds, seconds, seconds};
  };
  auto timeline = buildTimeline(problem, error);
  ASSERT_TRUE(timeline) << error;
  std::map<std::pair<unsigned, unsigned>, double> start;
  for (const TimelineItem &item : timeline->items)
    if (!item.isMessage)
      start[{item.task.stage, item.task.microBatch}] = item.time;
  EXPECT_EQ(start.size(), 60u);
  for (auto &[key, time] : start) {
    auto [stage, m] = key;
    for (unsigned reader = stage + 1; reader < 3; ++reader)
      if (unsigned ahead = reader - stage + 1; m >= ahead)
        EXPECT_GE(time, (start[{reader, m - ahead}])) << "stage " << stage << ", " << m;
  }
  EXPECT_DOUBLE_EQ(timeline->makespan, 2 + 20 * 10) << "the slow stage never waits";
}

// Two ranks of two stages each, there and back: while a stage's output travels, its rank
// computes the other stage, so that one micro-batch less waits at each border.
TEST(Timeline, RanksOfSeveralStagesNeedNoSpareMicroBatch) {
  constexpr unsigned kMicroBatches = 12, kStages = 4;
  auto rankOf = [](unsigned stage, unsigned) { return stage == 0 || stage == 3 ? 0u : 1u; };
  TimelineProblem problem = chain(kStages, kMicroBatches);
  problem.ranks = 2;
  problem.rankOf = rankOf;
  problem.tasks.assign(2, {});
  for (unsigned wave = 0; wave < kMicroBatches + kStages; ++wave)
    for (unsigned stage = kStages; stage-- > 0;)
      if (wave >= stage && wave - stage < kMicroBatches)
        problem.tasks[rankOf(stage, 0)].push_back({Task::Forward, stage, wave - stage, 0, 0});
  problem.firstOfReplica = [](unsigned) { return 0; };
  problem.latency = 0.5;
  std::map<unsigned, double> makespan;
  for (unsigned spare : {0u, 1u}) {
    problem.spare = spare;
    std::string error;
    auto timeline = buildTimeline(problem, error);
    ASSERT_TRUE(timeline) << error;
    makespan[spare] = timeline->makespan;
    std::map<std::pair<unsigned, unsigned>, double> start;
    for (const TimelineItem &item : timeline->items)
      if (!item.isMessage)
        start[{item.task.stage, item.task.microBatch}] = item.time;
    for (auto &[key, time] : start)
      if (auto [stage, m] = key; stage + 1 < kStages && m >= 1 + spare)
        EXPECT_GE(time, (start[{stage + 1, m - 1 - spare}])) << "stage " << stage << ", " << m;
  }
  EXPECT_DOUBLE_EQ(makespan[0], makespan[1]);
  EXPECT_LE(makespan[0], 2 * kMicroBatches + kStages + 1);
}

} // namespace
