// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Activities.h"

#include <gtest/gtest.h>

using namespace dpc::lowering;

namespace {

Activity work(double seconds, std::vector<Dependence> after = {}) {
  Activity activity;
  activity.seconds = seconds;
  activity.after = std::move(after);
  return activity;
}

TEST(Activities, StartWhenAllThatTheyNeedIsThere) {
  std::vector<Activity> activities = {work(3), work(2, {{0}}), work(4, {{0, 1}}),
                                      work(1, {{1}, {2}})};
  placeActivities(activities);
  EXPECT_DOUBLE_EQ(activities[1].start, 3);
  EXPECT_DOUBLE_EQ(activities[2].start, 1); // a second after the first began
  EXPECT_DOUBLE_EQ(activities[3].start, 5); // both end then
  EXPECT_DOUBLE_EQ(activities[3].end, 6);
}

// 0 -> 2 (from the middle of 0) -> 3; 1 is short.
TEST(Activities, CriticalPathHasNoGapsAndEndsLast) {
  std::vector<Activity> activities = {work(3), work(1, {{0}}), work(4, {{0, 1}}),
                                      work(1, {{1}, {2}}), work(0.5)};
  placeActivities(activities);
  std::vector<PathPart> path = findCriticalPath(activities);
  ASSERT_EQ(path.size(), 3u);
  EXPECT_EQ(path[0].activity, 0u);
  EXPECT_EQ(path[1].activity, 2u);
  EXPECT_EQ(path[2].activity, 3u);
  EXPECT_DOUBLE_EQ(path[0].start, 0);
  EXPECT_DOUBLE_EQ(path[0].end, 1); // only until its result is there
  for (size_t i = 0; i + 1 < path.size(); ++i)
    EXPECT_DOUBLE_EQ(path[i].end, path[i + 1].start);
  EXPECT_DOUBLE_EQ(path.back().end, 6);
}

TEST(Activities, OfEqualPredecessorsTheFirstIsTaken) {
  std::vector<Activity> activities = {work(2), work(2), work(1, {{1}, {0}})};
  placeActivities(activities);
  EXPECT_EQ(findCriticalPath(activities)[0].activity, 1u);
}

TEST(Activities, NothingHasNoPath) { EXPECT_TRUE(findCriticalPath({}).empty()); }

} // namespace
