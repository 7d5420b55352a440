// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues of given times: when what they are given is over, and what they leave alone.
#include "ManualClock.h"
#include "devices/Wait.h"
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {

class TimedQueues : public testing::Test {
protected:
  TimedQueues() : device(makeClockDevice(clock)) {
    for (const char *name : {"a", "b"})
      queues.push_back(device->makeQueue(fb::StreamKind::Compute, name));
  }
  void spend(size_t queue, int64_t nanoseconds) {
    EXPECT_TRUE(queues[queue]->spend(nanoseconds).ok());
  }
  std::unique_ptr<Event> record(size_t queue) {
    auto event = device->makeEvent();
    EXPECT_TRUE(queues[queue]->record(*event).ok());
    return event;
  }
  // When the host, which waits for it, goes on.
  int64_t timeOf(Event &event) {
    EXPECT_TRUE(event.wait(noDeadline).ok());
    EXPECT_TRUE(event.fired());
    return clock.time;
  }

  ManualClock clock;
  std::unique_ptr<QueueDevice> device;
  std::vector<std::unique_ptr<Queue>> queues;
};

TEST_F(TimedQueues, WhatAQueueIsGivenTakesItsTimeInOrder) {
  spend(0, 30);
  auto first = record(0);
  spend(0, 12);
  auto second = record(0);
  EXPECT_FALSE(first->fired());
  EXPECT_EQ(timeOf(*first), 30);
  EXPECT_FALSE(second->fired());
  EXPECT_EQ(timeOf(*second), 42);
}

TEST_F(TimedQueues, QueuesGoOnBesideEachOther) {
  spend(0, 30);
  spend(1, 12);
  EXPECT_EQ(timeOf(*record(1)), 12);
  EXPECT_EQ(timeOf(*record(0)), 30);
}

TEST_F(TimedQueues, AQueueThatWaitsStandsStill) {
  spend(0, 30);
  auto event = record(0);
  spend(1, 5);
  ASSERT_TRUE(queues[1]->wait(*event).ok());
  spend(1, 7);
  EXPECT_EQ(timeOf(*record(1)), 37);
}

TEST_F(TimedQueues, AWaitIsForTheRecordBeforeIt) {
  spend(0, 30);
  auto event = record(0);
  ASSERT_TRUE(queues[1]->wait(*event).ok());
  spend(0, 30);
  ASSERT_TRUE(queues[0]->record(*event).ok()); // of which the wait knows nothing
  EXPECT_EQ(timeOf(*record(1)), 30);
  EXPECT_EQ(timeOf(*event), 60);
}

TEST_F(TimedQueues, AnEventThatWasNeverRecordedIsNoWait) {
  auto event = device->makeEvent();
  EXPECT_TRUE(event->fired());
  ASSERT_TRUE(queues[0]->wait(*event).ok());
  spend(0, 4);
  EXPECT_EQ(timeOf(*record(0)), 4);
}

TEST_F(TimedQueues, NothingBeginsBeforeItIsEnqueued) {
  clock.time = 100;
  spend(0, 30);
  EXPECT_EQ(timeOf(*record(0)), 130);
}

TEST_F(TimedQueues, AWaitEndsAtItsDeadline) {
  spend(0, 30);
  auto event = record(0);
  ASSERT_TRUE(event->wait(20).ok());
  EXPECT_EQ(clock.time, 20);
  EXPECT_FALSE(event->fired());
}

TEST_F(TimedQueues, AllTimesAreMultipliedByTheLargestFactorAskedFor) {
  EXPECT_EQ(device->givenTimes()->factor(), 1);
  device->givenTimes()->slowDown(50);
  device->givenTimes()->slowDown(2.5);
  EXPECT_EQ(device->givenTimes()->factor(), 50);
  spend(0, 3);
  EXPECT_EQ(timeOf(*record(0)), 150);
}

TEST_F(TimedQueues, MemoryIsAddressesAndWhatIsReadIsZero) {
  DeviceAddress large, other;
  ASSERT_TRUE(device->allocate(uint64_t(1) << 50, MemoryKind::Device, large).ok());
  ASSERT_TRUE(device->allocate(10, MemoryKind::Host, other).ok());
  EXPECT_TRUE(large && other);
  EXPECT_NE(large, other);
  EXPECT_EQ(other % 64, 0u);
  float values[2] = {1, 2};
  ASSERT_TRUE(device->upload(other, values, sizeof(values)).ok());
  ASSERT_TRUE(queues[0]->copy(large, other, uint64_t(1) << 50).ok());
  ASSERT_TRUE(queues[0]->fill(large, 1, uint64_t(1) << 50).ok());
  ASSERT_TRUE(device->download(values, large, sizeof(values)).ok());
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(values[1], 0);
  EXPECT_EQ(device->allocate(UINT64_MAX - 100, MemoryKind::Device, large).code(),
            Code::OutOfMemory);
}

TEST_F(TimedQueues, TimesAloneSayWhatComesFirst) {
  Status s = device->chooseOrder("3");
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_NE(s.message().find("--virtual-clock"), std::string::npos);
}
} // namespace
} // namespace dpcrt::test
