// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Replay.h"

#include <gtest/gtest.h>
#include <map>

using namespace dpc::lowering;

namespace {

// A chain of stages, one on each rank, all forwards and then all backwards.
TimelineProblem chain(unsigned ranks, unsigned microBatches) {
  TimelineProblem problem;
  problem.ranks = problem.stages = ranks;
  problem.microBatches = microBatches;
  problem.tasks.resize(ranks);
  for (unsigned r = 0; r < ranks; ++r) {
    for (unsigned m = 0; m < microBatches; ++m)
      problem.tasks[r].push_back({Task::Forward, r, m, 0, 0});
    for (unsigned m = 0; m < microBatches; ++m) {
      problem.tasks[r].push_back({Task::Input, r, m, 0, 0});
      problem.tasks[r].push_back({Task::Weight, r, m, 0, 0});
    }
  }
  for (unsigned s = 0; s + 1 < ranks; ++s)
    problem.edges.push_back({s, 0, s + 1, 0, true, 100});
  problem.rankOf = [](unsigned stage, unsigned) { return stage; };
  problem.duration = [](const Task &) { return TimelineProblem::Duration{1, 1, 1}; };
  return problem;
}

StepOverheads nothing(unsigned ranks) {
  StepOverheads overheads;
  overheads.zero.assign(ranks, 0);
  overheads.losses = overheads.update = overheads.zero;
  return overheads;
}

double endOf(const std::vector<Activity> &activities) {
  double end = 0;
  for (const Activity &activity : activities)
    end = std::max(end, activity.end);
  return end;
}

Timeline walk(const TimelineProblem &problem) {
  std::string error;
  auto timeline = buildTimeline(problem, error);
  EXPECT_TRUE(timeline) << error;
  return *timeline;
}

TEST(Replay, IsTheWalkWhereNothingElseTakesTime) {
  for (unsigned ranks : {1u, 2u, 4u}) {
    TimelineProblem problem = chain(ranks, 5);
    Timeline timeline = walk(problem);
    std::vector<Activity> activities = replayStep(problem, timeline, nothing(ranks));
    EXPECT_DOUBLE_EQ(endOf(activities), timeline.makespan);
    std::map<std::string, double> starts;
    for (const Activity &activity : activities)
      if (activity.kind == Activity::Run)
        starts[taskName(activity.task)] = activity.start;
    for (const TimelineItem &item : timeline.items)
      if (!item.isMessage)
        EXPECT_DOUBLE_EQ(starts.at(taskName(item.task)), item.time) << taskName(item.task);
  }
}

TEST(Replay, PutsOverheadsAroundTheTasks) {
  TimelineProblem problem = chain(2, 3);
  Timeline timeline = walk(problem);
  StepOverheads overheads = nothing(2);
  overheads.zero = {0.5, 0.5};
  overheads.losses = {0.25, 0.25};
  overheads.update = {2, 1};
  overheads.agree = 0.125;
  overheads.buckets.push_back({"s0", {0}, {0}, 0, {1, 0}});
  std::vector<Activity> activities = replayStep(problem, timeline, overheads);
  // Rank 0 ends last: its last weight half, the sum of weights, its norm, what the
  // ranks agree on, its update.
  EXPECT_DOUBLE_EQ(endOf(activities), 0.5 + timeline.makespan + 0.25 + 1 + 0.125 + 2);
}

// Both ranks hold stage 0 and reduce it: after the later one's last weight half,
// beside what the earlier one still does.
TEST(Replay, ReducesWhenTheLastHolderHasCome) {
  TimelineProblem problem = chain(2, 2);
  Timeline timeline = walk(problem);
  StepOverheads overheads = nothing(2);
  overheads.buckets.push_back({"s0+s1", {0, 1}, {0, 1}, 3, {1, 0}});
  std::vector<Activity> activities = replayStep(problem, timeline, overheads);
  std::map<std::string, Activity> byName;
  for (const Activity &activity : activities)
    byName[activity.kind == Activity::Run ? taskName(activity.task) : activity.name] = activity;
  EXPECT_DOUBLE_EQ(byName.at("reduce s0+s1").start,
                   std::max(byName.at("W0 m1").end, byName.at("W1 m1").end));
  EXPECT_EQ(byName.at("reduce s0+s1").others, std::vector<unsigned>{1});
  EXPECT_DOUBLE_EQ(byName.at("norm of s0+s1").start, byName.at("reduce s0+s1").end);
}

// A rank's communication stream carries out one exchange after the other: with a
// latency longer than a task, messages queue up behind each other.
TEST(Replay, ExchangesOfARankFollowEachOther) {
  TimelineProblem problem = chain(2, 4);
  problem.latency = 3;
  Timeline timeline = walk(problem);
  std::vector<Activity> activities = replayStep(problem, timeline, nothing(2));
  double last = -1;
  unsigned messages = 0;
  for (const Activity &activity : activities)
    if (activity.kind == Activity::Message) {
      EXPECT_GE(activity.start, last);
      last = activity.end;
      ++messages;
    }
  EXPECT_EQ(messages, 8u);
  EXPECT_GT(endOf(activities), timeline.makespan);
  // The chain: the first task, then messages, and at the end what the last one is for.
  std::vector<PathPart> path = findCriticalPath(activities);
  EXPECT_EQ(activities[path.front().activity].kind,
            Activity::Other); // filling gradients, in no time
  unsigned onPath = 0;
  for (const PathPart &part : path)
    onPath += activities[part.activity].kind == Activity::Message;
  EXPECT_GE(onPath, 4u);
}

TEST(Replay, AResultIsSentBeforeItsTaskEnds) {
  TimelineProblem problem = chain(2, 1);
  problem.duration = [](const Task &task) {
    return task.kind == Task::Forward ? TimelineProblem::Duration{4, 1, 0}
                                      : TimelineProblem::Duration{1, 0, 1};
  };
  std::vector<Activity> activities = replayStep(problem, walk(problem), nothing(2));
  for (const Activity &activity : activities)
    if (activity.kind == Activity::Run && activity.rank == 1 && activity.task.kind == Task::Forward)
      EXPECT_DOUBLE_EQ(activity.start, 1);
}

// Messages both ways in one exchange begin when the later sender is ready.
TEST(Replay, AnExchangeWaitsForAllThatItSends) {
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
  Timeline timeline = walk(problem);
  problem.duration = [](const Task &task) {
    double t = task.kind == Task::Forward && task.stage == 0 && task.microBatch == 1 ? 2 : 1;
    return TimelineProblem::Duration{t, t, t};
  };
  for (const Activity &activity : replayStep(problem, timeline, nothing(2)))
    if (activity.kind == Activity::Message && activity.name[0] == 'F')
      EXPECT_DOUBLE_EQ(activity.start, 2);
}

TEST(Replay, TasksHaveReadableNames) {
  EXPECT_EQ(taskName({Task::Forward, 0, 3, 0, 0}), "F0 m3");
  EXPECT_EQ(taskName({Task::Input, 2, 1, 0, 0}), "I2 m1");
  EXPECT_EQ(taskName({Task::Weight, 2, 1, 0, 0}), "W2 m1");
  EXPECT_EQ(taskName({Task::Pair, 1, 4, 2, 1}), "F1&B2 m4 m1");
}

} // namespace
