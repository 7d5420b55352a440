// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The devices of queues on the host that capture, and what their captures have beside.
#include "CaptureTest.h"
#include "InertDevice.h"
#include "ManualClock.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"

namespace dpcrt::test {
namespace {
CapturingDevice inOrder(const std::string &name, const std::string &order) {
  return {name, [order] {
            auto device = makeVirtualDevice(makeCpuDevice(1));
            Status s = device->chooseOrder(order);
            EXPECT_TRUE(s.ok()) << s.message();
            return device;
          }};
}

const CapturingDevice computing[] = {
    inOrder("virtual_first", "0,policy=first"),
    inOrder("virtual_reverse", "0,policy=reverse"),
    inOrder("virtual_starve", "0,policy=starve=0"),
    inOrder("virtual_starve_other", "0,policy=starve=1"),
    inOrder("virtual_random", "3"),
    inOrder("virtual_random_other", "5"),
};
ManualClock manual;
const CapturingDevice timed[] = {{"clock", [] { return makeClockDevice(manual); }}};

TEST(NoCaptures, ADeviceThatCapturesNothingSaysSo) {
  InertDevice inert;
  auto queue = makeClockDevice(manual)->makeQueue(fb::StreamKind::Compute, "a");
  std::unique_ptr<Graph> graph;
  EXPECT_FALSE(inert.captures());
  EXPECT_EQ(inert.beginCapture(*queue).message(), "device 'inert' captures no commands");
  EXPECT_EQ(inert.endCapture(*queue, graph).message(), "device 'inert' captures no commands");
}

// Times along what waits for what, on a device of given times.
class CapturedTimes : public Capturing {
protected:
  void spend(size_t queue, int64_t nanoseconds) {
    EXPECT_TRUE(queues[queue]->spend(nanoseconds).ok());
  }
  int64_t timeOf(size_t queue) {
    auto last = device->makeEvent(true);
    EXPECT_TRUE(queues[queue]->record(*last).ok());
    return last->time();
  }
};

TEST_P(CapturedTimes, AddUpAlongWhatWaits) {
  begin();
  spend(0, 10);
  order(1, 0);
  order(2, 0);
  spend(1, 30);
  spend(2, 12);
  spend(0, 25);
  order(2, 1);
  spend(2, 5);
  order(0, 2);
  spend(0, 1);
  auto graph = end();
  EXPECT_EQ(timeOf(0), 0) << "nothing was spent";
  int64_t now = manual.time;
  launch(0, *graph);
  EXPECT_EQ(timeOf(0), now + 10 + 30 + 5 + 1);
  // On another queue behind it, and what that has to do besides.
  spend(1, 100);
  launch(1, *graph);
  EXPECT_EQ(timeOf(1), now + 100 + 46);
  launch(2, *graph);
  EXPECT_EQ(timeOf(2), now + 100 + 46 + 46) << "launches of one graph run one after another";
  EXPECT_EQ(timeOf(0), now + 46);
}

TEST_P(CapturedTimes, AreMultipliedAtTheLaunch) {
  begin();
  spend(0, 10);
  auto graph = end();
  device->givenTimes()->slowDown(3);
  int64_t now = manual.time;
  launch(0, *graph);
  EXPECT_EQ(timeOf(0), now + 30);
}

TEST_P(CapturedTimes, BeginWhenTheyAreLaunched) {
  begin();
  spend(0, 10);
  auto graph = end();
  manual.time += 1000;
  int64_t now = manual.time;
  launch(0, *graph);
  EXPECT_EQ(timeOf(0), now + 10);
}

auto named = [](auto &info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Computing, CaptureRules, testing::ValuesIn(computing), named);
INSTANTIATE_TEST_SUITE_P(Timed, CaptureRules, testing::ValuesIn(timed), named);
INSTANTIATE_TEST_SUITE_P(Computing, CapturedCommands, testing::ValuesIn(computing), named);
INSTANTIATE_TEST_SUITE_P(Timed, CapturedTimes, testing::ValuesIn(timed), named);
} // namespace
} // namespace dpcrt::test
