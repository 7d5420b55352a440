// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues and events of the virtual device: what order they promise, and which of the
// others each policy takes.
#include "devices/virtual/VirtualDevice.h"
#include "DeviceMemory.h"
#include "devices/Wait.h"
#include "devices/cpu/CpuDevice.h"
#include <set>

namespace dpcrt::test {
namespace {
constexpr uint64_t kBytes = 64;

class VirtualQueues : public testing::Test {
protected:
  VirtualQueues() : device(makeVirtualDevice(makeCpuDevice(1))) {
    device->watch([this](const VirtualEntry &entry) {
      if (entry.what == VirtualEntry::What::Ran && entry.command->work >= 0)
        ran.push_back(entry.command->work);
    });
    EXPECT_TRUE(device->finishPreparation().ok());
    for (const char *name : {"a", "b", "c"})
      queues.push_back(device->makeQueue(fb::StreamKind::Compute, name));
    memory = onDevice(*device, std::vector<uint32_t>(16));
  }

  void fill(size_t queue, uint32_t value) {
    Status s = queues[queue]->fill(memory, value, kBytes);
    EXPECT_TRUE(s.ok()) << s.message();
  }
  std::unique_ptr<Event> record(size_t queue) {
    auto event = device->makeEvent();
    EXPECT_TRUE(queues[queue]->record(*event).ok());
    return event;
  }
  void wait(size_t queue, Event &event) { EXPECT_TRUE(queues[queue]->wait(event).ok()); }
  // Until everything that was enqueued has run.
  Status finish() {
    Status status;
    for (size_t q = 0; q < queues.size(); ++q) {
      auto end = record(q);
      if (Status s = end->wait(nowNs() + 10'000'000'000); !s.ok())
        return s;
      EXPECT_TRUE(end->fired());
    }
    return status;
  }
  // The numbers of the commands in the order in which they ran: three queues of two.
  std::vector<int64_t> orderOf(const std::string &text) {
    Status s = device->chooseOrder(text);
    EXPECT_TRUE(s.ok()) << s.message();
    ran.clear();
    for (uint32_t i = 0; i < 2; ++i)
      for (size_t q = 0; q < 3; ++q)
        fill(q, i);
    auto end = record(0);
    for (size_t q = 1; q < 3; ++q)
      wait(0, *record(q));
    EXPECT_TRUE(finish().ok());
    return ran;
  }
  uint32_t value() { return fromDevice<uint32_t>(*device, memory, 1)[0]; }

  std::vector<int64_t> ran; // of commands that do something
  std::unique_ptr<VirtualDevice> device;
  std::vector<std::unique_ptr<Queue>> queues;
  DeviceAddress memory;
};
using Order = std::vector<int64_t>;

TEST_F(VirtualQueues, TheFirstThatCanIsWhatWasEnqueuedFirst) {
  EXPECT_EQ(orderOf("0,policy=first"), (Order{0, 1, 2, 3, 4, 5}));
}

TEST_F(VirtualQueues, ReverseTakesWhatWasEnqueuedLast) {
  EXPECT_EQ(orderOf("0,policy=reverse"), (Order{2, 5, 1, 4, 0, 3}));
}

TEST_F(VirtualQueues, AStarvedQueueGoesOnWhenNoOtherCan) {
  EXPECT_EQ(orderOf("0,policy=starve=1"), (Order{0, 2, 3, 5, 1, 4}));
}

TEST_F(VirtualQueues, ADelayedCommandHoldsBackItsQueueAlone) {
  EXPECT_EQ(orderOf("0,policy=delay=2"), (Order{0, 1, 3, 4, 2, 5}));
}

TEST_F(VirtualQueues, ASeedIsAnOrderAndSeedsDiffer) {
  auto drawn = [&](uint64_t seed) {
    Order order = orderOf(std::to_string(seed));
    for (int64_t &work : order)
      work %= 6; // numbers go on from run to run
    return order;
  };
  std::set<Order> orders;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    Order once = drawn(seed);
    EXPECT_EQ(once, drawn(seed));
    orders.insert(once);
  }
  EXPECT_GE(orders.size(), 20u);
}

TEST_F(VirtualQueues, AWaitHoldsBackWhatComesBehindIt) {
  ASSERT_TRUE(device->chooseOrder("0,policy=reverse").ok());
  fill(0, 1);
  wait(1, *record(0));
  fill(1, 2);
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(ran, (Order{0, 1}));
  EXPECT_EQ(value(), 2u);
}

TEST_F(VirtualQueues, AWaitIsForTheRecordBeforeIt) {
  ASSERT_TRUE(device->chooseOrder("0,policy=starve=0").ok());
  auto event = record(0);
  wait(1, *event);
  fill(1, 1);
  fill(0, 2);
  ASSERT_TRUE(queues[0]->record(*event).ok()); // of which the wait knows nothing
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(value(), 2u);
  EXPECT_EQ(ran, (Order{0, 1}));
}

TEST_F(VirtualQueues, ALaterRecordIsTheOneThatIsWaitedFor) {
  ASSERT_TRUE(device->chooseOrder("0,policy=starve=0").ok());
  auto event = record(0);
  fill(0, 1);
  ASSERT_TRUE(queues[0]->record(*event).ok());
  wait(1, *event);
  fill(1, 2);
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(value(), 2u);
}

TEST_F(VirtualQueues, AnEventThatWasNeverRecordedIsNoWait) {
  auto event = device->makeEvent();
  EXPECT_TRUE(event->fired());
  wait(0, *event);
  fill(0, 3);
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(value(), 3u);
}

TEST_F(VirtualQueues, NothingRunsBeforeTheHostAsks) {
  fill(0, 1);
  auto event = record(0);
  EXPECT_EQ(value(), 0u);
  ASSERT_TRUE(event->wait(noDeadline).ok());
  EXPECT_EQ(value(), 1u);
}

TEST_F(VirtualQueues, SourcesAreAddedInTheirOrder) {
  DeviceAddress sources[] = {onDevice<float>(*device, {1e8f}), onDevice<float>(*device, {-1e8f}),
                             onDevice<float>(*device, {1})};
  ASSERT_TRUE(queues[0]->reduce(memory, sources, 3, 1, Element::F32).ok());
  ASSERT_TRUE(queues[0]->copy(memory + 4, memory, 4).ok());
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(fromDevice<float>(*device, memory, 2), (std::vector<float>{1, 1}));
}

TEST_F(VirtualQueues, WhatIsForgottenIsNotANumber) {
  fill(0, 0);
  ASSERT_TRUE(queues[0]->forget(memory + 8, 8).ok());
  ASSERT_TRUE(finish().ok());
  EXPECT_EQ(fromDevice<uint32_t>(*device, memory, 5),
            (std::vector<uint32_t>{0, 0, UINT32_MAX, UINT32_MAX, 0}));
}

TEST_F(VirtualQueues, ADeadEndNamesEveryHead) {
  auto other = makeVirtualDevice(makeCpuDevice(1)); // which nobody has run anything
  auto queue = other->makeQueue(fb::StreamKind::Compute, "elsewhere");
  auto event = other->makeEvent();
  ASSERT_TRUE(queue->record(*event).ok());
  wait(0, *event);
  wait(2, *record(0));
  Status s = finish();
  EXPECT_EQ(s.message(), "no queue of the device can go on:\n"
                         "  a: at command 0, a wait for an event that 'elsewhere' has not passed\n"
                         "  c: at command 2, a wait for an event that 'a' has not passed");
  EXPECT_EQ(queues[1]->fill(memory, 0, 4).message(), s.message()) << "a failed device stays one";
}

TEST_F(VirtualQueues, AQueueThatIsNotThereCannotStarve) {
  ASSERT_TRUE(device->chooseOrder("0,policy=starve=2").ok());
  EXPECT_TRUE(finish().ok());
  ASSERT_TRUE(device->chooseOrder("0,policy=starve=3").ok());
  Status s = finish();
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_EQ(s.message(), "--seed-order: there is no queue 3; this run has the queues 0 to 2");
}

TEST_F(VirtualQueues, ACommandThatNeverCameWasNotDelayed) {
  ASSERT_TRUE(device->chooseOrder("0,policy=delay=1").ok());
  EXPECT_EQ(device->checkOrder().message(),
            "--seed-order: there is no command 1; this run has none");
  fill(0, 1);
  Status s = device->checkOrder();
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_EQ(s.message(), "--seed-order: there is no command 1; this run has the commands 0 to 0");
  fill(0, 1);
  EXPECT_TRUE(device->checkOrder().ok());
}

// What is captured of three queues, launched on the first of them; two commands each.
class VirtualGraphs : public VirtualQueues {
protected:
  VirtualGraphs() {
    EXPECT_TRUE(device->beginCapture(*queues[0]).ok());
    auto event = record(0);
    wait(1, *event);
    wait(2, *event);
    for (uint32_t i = 0; i < 2; ++i)
      for (size_t q = 0; q < 3; ++q)
        fill(q, i);
    for (size_t q = 1; q < 3; ++q)
      wait(0, *record(q));
    Status s = device->endCapture(*queues[0], graph);
    EXPECT_TRUE(s.ok()) << s.message();
    outside = device->makeQueue(fb::StreamKind::Compute, "d");
  }
  // Its commands have the numbers 0 to 5 of their launch, those outside 6 and 7.
  Order orderOfGraph(const std::string &text) {
    Status s = device->chooseOrder(text);
    EXPECT_TRUE(s.ok()) << s.message();
    ran.clear();
    EXPECT_TRUE(queues[0]->launchGraph(*graph).ok());
    for (int i = 0; i < 2; ++i)
      EXPECT_TRUE(outside->fill(memory, 0, kBytes).ok());
    auto end = device->makeEvent();
    EXPECT_TRUE(outside->record(*end).ok());
    wait(0, *end);
    EXPECT_TRUE(finish().ok());
    Order order = ran;
    for (int64_t &number : order)
      number %= 8; // numbers go on from launch to launch
    return order;
  }

  std::unique_ptr<Graph> graph;
  std::unique_ptr<Queue> outside;
};

TEST_F(VirtualGraphs, NothingIsCountedWhenItIsCaptured) {
  EXPECT_EQ(orderOfGraph("0,policy=first"), (Order{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(ran.front(), 0);
}

TEST_F(VirtualGraphs, PoliciesTakeItsCommandsLikeOthers) {
  EXPECT_EQ(orderOfGraph("0,policy=reverse"), (Order{6, 7, 0, 3, 2, 5, 1, 4}));
  EXPECT_EQ(orderOfGraph("0,policy=starve=1"), (Order{0, 2, 3, 5, 6, 7, 1, 4}));
  EXPECT_EQ(orderOfGraph("0,policy=starve=3"), (Order{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(orderOfGraph("0,policy=delay=26"), (Order{0, 1, 3, 4, 6, 7, 2, 5}));
}

TEST_F(VirtualGraphs, RunInEveryOrderThatTheyAllowMixedWithOthers) {
  std::set<Order> orders;
  int mixed = 0;
  for (int seed = 0; seed < 100; ++seed) {
    Order order = orderOfGraph(std::to_string(seed));
    ASSERT_EQ(order.size(), 8u);
    auto at = [&](int64_t number) { return std::find(order.begin(), order.end(), number); };
    for (int64_t queue = 0; queue < 3; ++queue)
      EXPECT_LT(at(queue), at(queue + 3)) << "of one queue";
    EXPECT_LT(at(6), at(7));
    orders.insert(order);
    mixed += at(7) < order.end() - 1 && at(6) > order.begin();
  }
  EXPECT_GE(orders.size(), 40u);
  EXPECT_GE(mixed, 10);
}

TEST_F(VirtualGraphs, ASeedIsAnOrder) {
  for (const char *seed : {"1", "2", "3"})
    EXPECT_EQ(orderOfGraph(seed), orderOfGraph(seed));
}

TEST_F(VirtualGraphs, ADeadEndNamesWhatWasCaptured) {
  auto other = makeVirtualDevice(makeCpuDevice(1)); // which nobody has run anything
  auto queue = other->makeQueue(fb::StreamKind::Compute, "elsewhere");
  auto never = other->makeEvent();
  ASSERT_TRUE(queue->record(*never).ok());
  ASSERT_TRUE(device->beginCapture(*queues[1]).ok());
  wait(2, *record(1));
  fill(2, 1);
  wait(1, *record(2));
  std::unique_ptr<Graph> second;
  ASSERT_TRUE(device->endCapture(*queues[1], second).ok());
  wait(0, *never);
  ASSERT_TRUE(queues[0]->launchGraph(*second).ok());
  ASSERT_TRUE(queues[1]->launchGraph(*second).ok());
  EXPECT_EQ(finish().message(),
            "no queue of the device can go on:\n"
            "  a: at command 0, a wait for an event that 'elsewhere' has not passed\n"
            "  b: at command 12, a graph whose launch before, on 'a', is not over");
}

TEST(SeedOrder, WhatIsNoOrderIsRefused) {
  for (const char *text :
       {"0", "12,policy=random", "1,policy=starve=3", "1,policy=delay=0", "1,messages=rendezvous",
        "1,policy=first,messages=eager", "1,messages=serialised,policy=delay=2"})
    EXPECT_TRUE(SeedOrder::parse(text).ok()) << text;
  // And which part of it is wrong.
  const std::pair<const char *, const char *> wrong[] = {
      {"", ""},
      {"x", "x"},
      {"-1", "-1"},
      {"1.5", "1.5"},
      {"1,", ""},
      {"1,policy", "policy"},
      {"1,policy=last", "policy=last"},
      {"1,policy=starve", "policy=starve"},
      {"1,policy=starve=", "policy=starve="},
      {"1,policy=starve=x", "policy=starve=x"},
      {"1,policy=first=2", "policy=first=2"},
      {"1,first", "first"},
      {"1,messages=fast", "messages=fast"},
      {"1,messages", "messages"},
      {"1,messages=eager=1", "messages=eager=1"},
      {"1,messages=eager,", ""},
      {"1,policy=first,policy=reverse", "policy=reverse"},
      {"1,messages=eager,policy=first,messages=eager", "messages=eager"},
  };
  for (auto [text, part] : wrong) {
    Result<SeedOrder> parsed = SeedOrder::parse(text);
    EXPECT_EQ(parsed.status().code(), Code::Usage) << text;
    std::string words = "'" + std::string(text) + "': '" + part + "' is wrong; N[,policy=";
    EXPECT_NE(parsed.status().message().find(words), std::string::npos)
        << parsed.status().message();
  }
}

TEST(SeedOrder, SaysWhatMessagesWaitFor) {
  auto device = makeVirtualDevice(makeCpuDevice(1));
  EXPECT_EQ(device->messageOrder(), MessageOrder::Rendezvous);
  ASSERT_TRUE(device->chooseOrder("0,policy=first,messages=eager").ok());
  EXPECT_EQ(device->messageOrder(), MessageOrder::Eager);
  ASSERT_TRUE(device->chooseOrder("0,messages=serialised").ok());
  EXPECT_EQ(device->messageOrder(), MessageOrder::Serialised);
}

TEST(SeedOrder, ADeviceThatDrawsNoneSaysSo) {
  Status s = makeCpuDevice(1)->chooseOrder("3");
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_EQ(s.message(), "--seed-order 3: device 'cpu' draws no order; --device virtual does");
}
} // namespace
} // namespace dpcrt::test
