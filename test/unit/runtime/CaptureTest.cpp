// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a capture promises (Queue.h), on every device of queues that captures; what its commands
// do, on those that compute. A device that captures adds a row to one of the lists of a test
// program (CapturingDevices.cpp).
#include "CaptureTest.h"

namespace dpcrt::test {

TEST_P(CaptureRules, AnEventFromOutsideIsNotAwaitedInside) {
  auto outside = device->makeEvent();
  ASSERT_TRUE(queues[1]->record(*outside).ok());
  begin();
  expectError(queues[0]->wait(*outside), "queue 'a' is captured and waits for an event that was "
                                         "recorded outside of the capture");
  expectVoid("queue 'a' is captured and waits for an event that was recorded outside");
}

TEST_P(CaptureRules, AnEventOfAnotherCaptureIsNotAwaitedInside) {
  auto inside = device->makeEvent();
  begin();
  ASSERT_TRUE(queues[0]->record(*inside).ok());
  end();
  begin();
  const char *words = "queue 'a' waits for an event that was recorded in a capture which has ended";
  expectError(queues[0]->wait(*inside), words);
  expectVoid(words);
}

TEST_P(CaptureRules, AnEventFromInsideIsNotAwaitedOutside) {
  auto inside = device->makeEvent();
  begin();
  ASSERT_TRUE(queues[0]->record(*inside).ok());
  const char *host = "the host waits for an event that was recorded in a capture alone";
  EXPECT_FALSE(inside->fired());
  expectError(inside->wait(0), host);
  auto graph = end();
  launch(0, *graph);
  finish();
  EXPECT_FALSE(inside->fired()) << "a launch does not pass it";
  expectError(inside->wait(0), host);
  expectError(queues[1]->wait(*inside),
              "queue 'b' waits for an event that was recorded in a capture which has ended");
  // Until it is recorded outside.
  ASSERT_TRUE(queues[0]->record(*inside).ok());
  ASSERT_TRUE(queues[1]->wait(*inside).ok());
  ASSERT_TRUE(inside->wait(noDeadline).ok());
  EXPECT_TRUE(inside->fired());
}

TEST_P(CaptureRules, WhatNobodyHasRecordedIsNoWait) {
  begin();
  ASSERT_TRUE(queues[0]->wait(*event).ok());
  fill(0, 0, 1);
  auto graph = end();
  launch(0, *graph);
  finish();
}

TEST_P(CaptureRules, AQueueThatWasNotJoinedIsAnErrorOfTheEnd) {
  const char *words =
      "the capture of queue 'a' ends without having waited for what was captured of queue 'b'";
  begin();
  order(1, 0);
  fill(1, 0, 1);
  expectVoid(words);
  // Also if that comes behind what was waited for.
  begin();
  order(1, 0);
  fill(1, 0, 1);
  order(0, 1);
  fill(1, 0, 2);
  expectVoid(words);
}

TEST_P(CaptureRules, AQueueJoinsByWayOfOthers) {
  begin();
  order(1, 0);
  order(2, 1);
  fill(1, 0, 1);
  fill(2, 1, 1);
  order(1, 2);
  order(0, 1);
  auto graph = end();
  launch(2, *graph);
  finish();
}

TEST_P(CaptureRules, AQueueThatDidNothingNeedNotBeJoined) {
  begin();
  fill(0, 0, 1);
  order(1, 0);
  auto graph = end();
  launch(0, *graph);
  finish();
}

TEST_P(CaptureRules, NothingIsUploadedOrDownloadedMeanwhile) {
  uint32_t word = 0;
  begin();
  expectError(device->upload(memory, &word, 4), "an upload while queue 'a' is captured");
  expectVoid("an upload while");
  begin();
  expectError(device->download(&word, memory, 4), "a download while queue 'a' is captured");
  expectVoid("a download while");
}

TEST_P(CaptureRules, NoGraphIsLaunchedInACapturedQueue) {
  begin();
  auto graph = end();
  begin();
  launch(1, *graph); // which is none
  expectError(queues[0]->launchGraph(*graph), "a graph is launched in a captured queue while");
  expectVoid("a graph is launched in a captured queue while");
}

TEST_P(CaptureRules, ThereIsOneCaptureAtATime) {
  begin();
  expectError(device->beginCapture(*queues[1]),
              "a capture of queue 'b' begins while that of 'a' is under way");
  expectVoid("one at a time would be right");
  std::unique_ptr<Graph> graph;
  expectError(device->endCapture(*queues[1], graph),
              "a capture of queue 'b' ends that was not begun");
  begin();
  order(1, 0);
  expectError(device->endCapture(*queues[1], graph), "ends on queue 'b' that was begun on 'a'");
  EXPECT_EQ(graph, nullptr);
  expectVoid("ends on queue 'b' that was begun on 'a'");
}

TEST_P(CaptureRules, BehindAnErrorNothingMoreIsCaptured) {
  auto outside = device->makeEvent();
  ASSERT_TRUE(queues[1]->record(*outside).ok());
  begin();
  ASSERT_FALSE(queues[0]->wait(*outside).ok());
  expectError(queues[0]->fill(memory, 0, 4), "recorded outside of the capture");
  expectError(queues[0]->record(*outside), "recorded outside of the capture");
  expectVoid("recorded outside of the capture");
}

TEST_P(CapturedCommands, AreRecordedAndNotRun) {
  fill(0, 0, 1);
  begin();
  fill(0, 0, 2);
  copy(0, 1, 0);
  auto graph = end();
  finish();
  EXPECT_EQ(value(0), 1u);
  launch(0, *graph);
  finish();
  EXPECT_EQ(value(0), 2u);
  EXPECT_EQ(value(1), 2u);
}

TEST_P(CapturedCommands, ReadAtEachLaunchWhatIsThere) {
  DeviceAddress sources[] = {place(0), place(1)};
  begin();
  ASSERT_TRUE(queues[0]->reduce(place(2), sources, 2, kBytes / 8, Element::I64).ok());
  sources[0] = place(3); // addresses are copied
  auto graph = end();
  for (uint32_t n = 1; n <= 3; ++n) {
    fill(0, 0, n);
    fill(0, 1, 10 * n);
    launch(0, *graph);
    finish();
    EXPECT_EQ(value(2), 11 * n);
  }
}

// Branches that wait for each other, with more in the queue before and behind.
TEST_P(CapturedCommands, KeepTheOrderOfQueuesAndEvents) {
  begin();
  fill(0, 0, 3);
  order(1, 0);
  copy(1, 1, 0); // behind the fill
  order(2, 1);
  fill(0, 2, 4); // beside both
  copy(2, 3, 1); // behind the copy
  fill(2, 1, 9); // which has been read
  order(0, 2);
  copy(0, 4, 1);
  auto graph = end();
  fill(0, 5, 1);
  fill(1, 7, 2);
  for (int n = 0; n < 3; ++n) {
    for (uint64_t at = 0; at < 5; ++at)
      fill(0, at, 0);
    launch(0, *graph);
    copy(0, 6, 4); // behind all of it
    finish();
    EXPECT_EQ(value(1), 9u);
    EXPECT_EQ(value(2), 4u);
    EXPECT_EQ(value(3), 3u);
    EXPECT_EQ(value(4), 9u);
    EXPECT_EQ(value(6), 9u);
  }
}

TEST_P(CapturedCommands, OfTwoLaunchesRunOneAfterAnotherOnAnyQueues) {
  for (uint64_t at = 0; at < 4; ++at)
    fill(0, at, 0);
  fill(0, 0, 1);
  finish();
  // Each launch adds to a sum by way of two other places, in which another would overwrite it.
  begin();
  copy(0, 1, 2);
  order(1, 0);
  copy(1, 3, 1);
  add(1, 3, 0);
  order(0, 1);
  copy(0, 2, 3);
  auto graph = end();
  for (int n = 0; n < 4; ++n)
    for (size_t queue = 0; queue < 3; ++queue)
      launch(queue, *graph);
  finish();
  EXPECT_EQ(value(2), 12u);
}

TEST_P(CapturedCommands, EventsBehindAGraphAreBehindAllOfIt) {
  fill(0, 0, 0);
  finish();
  begin();
  order(1, 0);
  fill(1, 0, 6);
  order(0, 1);
  auto graph = end();
  launch(2, *graph);
  order(1, 2); // the queue of the launch, which was not captured
  copy(1, 1, 0);
  finish();
  EXPECT_EQ(value(1), 6u);
}

TEST_P(CapturedCommands, OutliveWhatTheyWereCapturedOf) {
  begin();
  auto other = device->makeQueue(fb::StreamKind::Compute, "d");
  auto fork = device->makeEvent(), join = device->makeEvent();
  ASSERT_TRUE(queues[0]->record(*fork).ok());
  ASSERT_TRUE(other->wait(*fork).ok());
  ASSERT_TRUE(other->fill(place(0), 8, kBytes).ok());
  ASSERT_TRUE(other->record(*join).ok());
  ASSERT_TRUE(queues[0]->wait(*join).ok());
  auto graph = end();
  other.reset();
  fork.reset();
  join.reset();
  launch(1, *graph);
  finish();
  EXPECT_EQ(value(0), 8u);
}

TEST_P(CapturedCommands, WhatStandsInAQueueThatJoinsIsNoPartOfTheGraph) {
  fill(1, 0, 1);
  begin();
  order(1, 0);
  fill(1, 1, 2);
  order(0, 1);
  auto graph = end();
  fill(1, 2, 3);
  finish();
  EXPECT_EQ(value(0), 1u);
  EXPECT_EQ(value(1), 0u);
  EXPECT_EQ(value(2), 3u);
  launch(0, *graph);
  finish();
  EXPECT_EQ(value(1), 2u);
}

} // namespace dpcrt::test
