// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The engine that other tests rely on: that it does what every engine must, that it uses the
// freedom that engines have, and that it sees what its users must not do.
#include "MemoryEngine.h"
#include "EngineCases.h"
#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

using namespace dpcrt;
using namespace dpcrt::test;

namespace {
struct Setting {
  uint32_t processes;
  MemoryOptions options;
};

class MemoryConformance : public testing::TestWithParam<Setting> {};

TEST_P(MemoryConformance, AllCases) {
  MemoryWorld world(GetParam().processes, GetParam().options);
  world.run([](Engine &engine) {
    for (const EngineCase &c : engineCases) {
      SCOPED_TRACE(c.name);
      meet(engine);
      c.run(engine);
      if (HasFailure())
        return;
    }
  });
  EXPECT_EQ(world.misuses(), std::vector<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(Worlds, MemoryConformance,
                         testing::Values(Setting{1, {}}, Setting{2, {}}, Setting{3, {2, 40}},
                                         Setting{4, {3, 7, 0}}, Setting{2, {4, 100, UINT64_MAX}}));

// Both ends in one thread, for what needs no second one.
class MemoryEngineTest : public testing::Test {
protected:
  void start(const MemoryOptions &options, uint32_t processes = 2) {
    world = std::make_unique<MemoryWorld>(processes, options);
    for (uint32_t p = 0; p < processes; ++p)
      engines.push_back(world->open(p));
  }
  std::unique_ptr<EngineRequest> send(uint32_t from, uint32_t to, uint32_t tag, const int &value) {
    std::unique_ptr<EngineRequest> request;
    Status s = engines[from]->send(&value, sizeof value, to, tag, request);
    EXPECT_TRUE(s.ok()) << s.message();
    return request;
  }
  std::unique_ptr<EngineRequest> receive(uint32_t from, uint32_t to, uint32_t tag, int &value) {
    std::unique_ptr<EngineRequest> request;
    Status s = engines[to]->receive(&value, sizeof value, from, tag, request);
    EXPECT_TRUE(s.ok()) << s.message();
    return request;
  }
  // Whether it ends while its process asks `times` times.
  bool ends(uint32_t process, const std::unique_ptr<EngineRequest> &request, unsigned times) {
    std::vector<size_t> ended;
    for (unsigned i = 0; i < times && ended.empty(); ++i) {
      Status s = engines[process]->testSome({request.get()}, ended);
      EXPECT_TRUE(s.ok()) << s.message();
    }
    return !ended.empty();
  }
  bool misused(const std::string &words) const {
    for (const std::string &misuse : world->misuses())
      if (misuse.find(words) != std::string::npos)
        return true;
    return false;
  }

  std::unique_ptr<MemoryWorld> world;
  std::vector<std::unique_ptr<Engine>> engines;
};

// The order in which receives of one list end, by number of the message.
std::vector<size_t> arrivals(const MemoryOptions &options, uint32_t messages, uint32_t tags) {
  MemoryWorld world(2, options);
  std::vector<size_t> order;
  world.run([&](Engine &engine) {
    std::vector<int> values(messages);
    std::vector<std::unique_ptr<EngineRequest>> owned(messages);
    std::vector<EngineRequest *> list;
    std::vector<size_t> numbers;
    for (uint32_t i = 0; i < messages; ++i) {
      Status s = engine.self() == 0
                     ? engine.send(&values[i], sizeof(int), 1, i % tags, owned[i])
                     : engine.receive(&values[i], sizeof(int), 0, i % tags, owned[i]);
      ASSERT_TRUE(s.ok()) << s.message();
      list.push_back(owned[i].get());
      numbers.push_back(i);
    }
    while (!list.empty()) {
      std::vector<size_t> ended;
      ASSERT_TRUE(engine.testSome(list, ended).ok());
      if (engine.self() == 1)
        for (size_t i : ended)
          order.push_back(numbers[i]);
      for (size_t i = ended.size(); i-- > 0;) {
        list.erase(list.begin() + ended[i]);
        numbers.erase(numbers.begin() + ended[i]);
      }
    }
  });
  EXPECT_EQ(order.size(), messages);
  return order;
}

TEST(MemoryOrder, TagsOvertakeEachOtherBySeed) {
  std::vector<std::vector<size_t>> orders;
  for (uint64_t seed : {1, 2, 3})
    orders.push_back(arrivals({seed, 30}, 20, 20));
  for (const std::vector<size_t> &order : orders)
    EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST(MemoryOrder, OneTagKeepsItsOrder) {
  for (uint64_t seed : {1, 2, 3}) {
    std::vector<size_t> order = arrivals({seed, 30}, 20, 1);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST_F(MemoryEngineTest, SendsEndEarlyOrLateByTheDraw) {
  for (uint64_t eager : {uint64_t(0), UINT64_MAX}) {
    engines.clear();
    start({1, 0, eager});
    unsigned early = 0;
    std::vector<int> values(100);
    std::vector<std::unique_ptr<EngineRequest>> sends;
    for (uint32_t tag = 0; tag < 100; ++tag) {
      sends.push_back(send(0, 1, tag, values[tag]));
      early += ends(0, sends.back(), 5);
    }
    if (eager) {
      EXPECT_GT(early, 20u);
      EXPECT_LT(early, 80u);
    } else {
      EXPECT_EQ(early, 0u);
    }
  }
}

TEST_F(MemoryEngineTest, WhatIsSentIsReadWhenItArrives) {
  start({1, 0, 0});
  int value = 1, got = 0;
  auto s = send(0, 1, 0, value);
  value = 2; // too early: who receives it sees that
  auto r = receive(0, 1, 0, got);
  EXPECT_NE(got, 0) << "a receive's bytes are nobody's until it has ended";
  EXPECT_TRUE(ends(1, r, 1));
  EXPECT_EQ(got, 2);
  EXPECT_TRUE(ends(0, s, 1));
}

TEST_F(MemoryEngineTest, WhatIsHeldComesWhenItIsReleased) {
  start({});
  int value = 5, got = 0;
  world->hold(0, 1);
  auto s = send(0, 1, 0, value);
  auto r = receive(0, 1, 0, got);
  ASSERT_TRUE(engines[0]->sendControl(1, "held").ok());
  bool there = true;
  uint32_t from;
  std::string message;
  EXPECT_FALSE(ends(1, r, 100));
  ASSERT_TRUE(engines[1]->receiveControl(there, from, message).ok());
  EXPECT_FALSE(there);
  EXPECT_EQ(world->underWay(), 2u);
  world->release(0, 1);
  EXPECT_TRUE(ends(1, r, 1));
  EXPECT_TRUE(ends(0, s, 1));
  ASSERT_TRUE(engines[1]->receiveControl(there, from, message).ok());
  EXPECT_TRUE(there);
  EXPECT_EQ(message, "held");
  EXPECT_EQ(world->underWay(), 0u);
}

TEST_F(MemoryEngineTest, ALossThatNobodyReportsIsSilence) {
  start({1, 0, 0}, 3);
  int value = 5, got[2];
  auto before = send(0, 1, 0, value);
  auto r = receive(0, 1, 0, got[0]);
  auto back = send(1, 0, 0, value);
  ASSERT_TRUE(engines[0]->sendControl(1, "last words").ok());
  world->lose(0, MemoryWorld::Loss::Silent);
  EXPECT_FALSE(ends(1, r, 100));
  EXPECT_FALSE(ends(1, back, 100));
  bool there = true;
  uint32_t from;
  std::string message;
  ASSERT_TRUE(engines[1]->receiveControl(there, from, message).ok());
  EXPECT_FALSE(there);
  EXPECT_TRUE(engines[1]->sendControl(0, "?").ok());
  // It runs no more, and the others talk on.
  std::vector<size_t> ended;
  EXPECT_EQ(engines[0]->testSome({before.get()}, ended).code(), Code::PeerLost);
  auto s = send(1, 2, 0, value);
  auto other = receive(1, 2, 0, got[1]);
  EXPECT_TRUE(ends(2, other, 1));
  EXPECT_TRUE(ends(1, s, 1));
  EXPECT_EQ(world->misuses(), std::vector<std::string>{});
  EXPECT_EQ(engines[1]->close().code(), Code::PeerLost);
  EXPECT_TRUE(misused("closes a world that has lost a process"));
}

TEST_F(MemoryEngineTest, AReportedLossIsAnError) {
  start({1, 0, 0}, 3);
  int value = 5, got[2];
  auto r = receive(0, 1, 0, got[0]);
  auto s = send(1, 0, 0, value);
  auto other = receive(2, 1, 0, got[1]);
  world->lose(0, MemoryWorld::Loss::Reported);
  std::vector<size_t> ended;
  for (const auto &request : {r.get(), s.get()}) {
    Status status = engines[1]->testSome({request}, ended);
    EXPECT_EQ(status.code(), Code::PeerLost);
    EXPECT_EQ(status.message(), "process 0 is lost");
  }
  std::unique_ptr<EngineRequest> none;
  EXPECT_EQ(engines[1]->send(&value, 4, 0, 0, none).code(), Code::PeerLost);
  EXPECT_EQ(engines[1]->sendControl(0, "").code(), Code::PeerLost);
  auto fine = send(2, 1, 0, value);
  EXPECT_TRUE(ends(1, other, 1));
  EXPECT_TRUE(ends(2, fine, 1));
}

TEST_F(MemoryEngineTest, SeesARequestThatIsDropped) {
  start({1, 0, 0});
  int value = 5, got;
  send(0, 1, 7, value);
  EXPECT_TRUE(misused("process 0 drops a send to process 1 with tag 7 that has not ended"));
  // Its bytes may be gone.
  auto r = receive(0, 1, 7, got);
  EXPECT_FALSE(ends(1, r, 10));
}

TEST_F(MemoryEngineTest, SeesARequestThatIsAskedForAgain) {
  start({});
  int value = 5, got;
  auto s = send(0, 1, 0, value);
  auto r = receive(0, 1, 0, got);
  EXPECT_TRUE(ends(1, r, 1));
  EXPECT_TRUE(ends(0, s, 1));
  EXPECT_EQ(world->misuses(), std::vector<std::string>{});
  EXPECT_FALSE(ends(1, r, 1));
  EXPECT_TRUE(misused("process 1 asks again for a receive from process 0 with tag 0"));
  EXPECT_FALSE(ends(1, s, 1));
  EXPECT_TRUE(misused("process 1 asks for a send to process 1 with tag 0, which is of process 0"));
}

TEST_F(MemoryEngineTest, SeesCallsOfAnotherThread) {
  start({});
  std::thread([&] { EXPECT_TRUE(engines[0]->sendControl(1, "").ok()); }).join();
  EXPECT_TRUE(misused("process 0 calls sendControl from a thread that did not open it"));
}

TEST(MemoryClose, SeesWhatNobodyReceives) {
  MemoryWorld world(2, {1, 0, UINT64_MAX});
  world.run([&](Engine &engine) {
    if (engine.self() == 1)
      return;
    int value = 5;
    for (uint32_t tag = 0;; ++tag) { // until one ends early
      std::unique_ptr<EngineRequest> request;
      std::vector<size_t> ended;
      ASSERT_TRUE(engine.send(&value, sizeof value, 1, tag, request).ok());
      ASSERT_TRUE(engine.testSome({request.get()}, ended).ok());
      if (!ended.empty())
        break;
    }
    ASSERT_TRUE(engine.sendControl(1, "").ok());
  });
  std::string all;
  for (const std::string &misuse : world.misuses())
    all += misuse + "\n";
  EXPECT_NE(all.find("from process 0 to process 1 with tag"), std::string::npos) << all;
  EXPECT_NE(all.find("1 control messages from process 0 to process 1 that nobody receives"),
            std::string::npos)
      << all;
}

TEST(MemoryClose, WaitsForAll) {
  MemoryWorld world(2);
  std::atomic<bool> isReady{false};
  auto body = [&](Engine &engine) {
    if (engine.self() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      isReady = true;
    }
    EXPECT_TRUE(engine.close().ok());
    EXPECT_TRUE(isReady);
  };
  world.run(body, false);
  EXPECT_EQ(world.misuses(), std::vector<std::string>{});
}
} // namespace
