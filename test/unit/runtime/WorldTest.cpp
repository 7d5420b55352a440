// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Processes that train together, as threads of one: what they tell each other, and how they
// end.
#include "DeviceMemory.h"
#include "WorldTransport.h"
#include "devices/cpu/CpuDevice.h"
#include "transports/local/LocalTransport.h"
#include "transports/processes/ProcessMessages.h"
#include <gtest/gtest.h>
#include <thread>

namespace dpcrt::test {
namespace {
using Worlds = std::vector<std::shared_ptr<dpcrt::World>>;

template <typename Body> void together(Worlds &worlds, Body body) {
  std::vector<std::thread> threads;
  for (auto &world : worlds)
    threads.emplace_back([&, world] { body(*world); });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(WorldTest, RanksFallToProcessesInOrderAndEvenly) {
  for (uint32_t processes : {1u, 2u, 3u, 5u, 8u}) {
    MemoryWorld memory(processes);
    Worlds worlds = joinInMemory(memory, processes);
    for (uint32_t ranks = processes; ranks < 30; ++ranks) {
      uint32_t next = 0;
      for (uint32_t process = 0; process < processes; ++process) {
        EXPECT_EQ(worlds[0]->firstRank(process, ranks), next);
        uint32_t end = worlds[0]->firstRank(process + 1, ranks);
        EXPECT_GE(end - next, ranks / processes);
        EXPECT_LE(end - next, (ranks + processes - 1) / processes);
        for (; next < end; ++next)
          EXPECT_EQ(worlds[0]->processOf(next, ranks), process);
      }
      EXPECT_EQ(next, ranks);
    }
    leaveTogether(worlds);
  }
}

TEST(WorldTest, EverybodyHasWhatEverybodyBrings) {
  MemoryWorld memory(4, {.seed = 3, .delay = 4});
  Worlds worlds = joinInMemory(memory, 4);
  together(worlds, [](dpcrt::World &world) {
    for (unsigned round = 0; round < 50; ++round) {
      std::vector<std::string> all;
      // Of any bytes and any length, also none.
      auto brought = [&](uint32_t process) {
        return std::string(process * round * 7, char(process + round));
      };
      Status s = world.exchange("what it has", brought(world.self()), all);
      ASSERT_TRUE(s.ok()) << s.message();
      ASSERT_EQ(all.size(), 4u);
      for (uint32_t process = 0; process < 4; ++process)
        EXPECT_EQ(all[process], brought(process));
    }
  });
  leaveTogether(worlds);
  EXPECT_TRUE(memory.misuses().empty());
}

TEST(WorldTest, WhoDoesNotComeToAnExchangeIsNamed) {
  MemoryWorld memory(3);
  Worlds worlds = joinInMemory(memory, 3, {.timeoutSeconds = 3});
  together(worlds, [](dpcrt::World &world) {
    std::vector<std::string> all;
    if (world.self() == 2) {
      while (world.failure().ok())
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      return;
    }
    Status s = world.exchange("the manifests", "", all);
    EXPECT_EQ(s.code(), Code::Timeout);
    EXPECT_NE(s.message().find("exchange the manifests"), std::string::npos) << s.message();
    if (world.self() == 0)
      EXPECT_NE(s.message().find("process 2 has not come"), std::string::npos) << s.message();
  });
  leaveTogether(worlds);
}

TEST(WorldTest, AFailureIsEverybodys) {
  MemoryWorld memory(3);
  Worlds worlds = joinInMemory(memory, 3);
  std::atomic<int> told{0};
  for (auto &world : worlds)
    world->onFailure([&](const Status &cause) {
      EXPECT_EQ(cause.code(), Code::Data);
      ++told;
    });
  worlds[1]->fail(Status(Code::Data, "the data ends here"));
  worlds[1]->fail(Status(Code::Internal, "a consequence"));
  together(worlds, [](dpcrt::World &world) {
    std::vector<std::string> all;
    Status s = world.exchange("what it has", "", all);
    EXPECT_EQ(s.code(), Code::Data);
    EXPECT_EQ(s.message(), "the data ends here");
    bool isOwn = false;
    EXPECT_EQ(world.failure(&isOwn).code(), Code::Data);
    EXPECT_EQ(isOwn, world.self() == 1);
  });
  leaveTogether(worlds);
  EXPECT_EQ(told, 3);
}

// Nobody tells anybody that it has gone; a neighbour notices that it is silent.
TEST(WorldTest, WhoGivesNoSignOfLifeIsLost) {
  MemoryWorld memory(4);
  Worlds worlds = joinInMemory(memory, 4, {.timeoutSeconds = 6}); // lost after 4.5 s
  std::this_thread::sleep_for(std::chrono::milliseconds(5000));
  for (auto &world : worlds)
    EXPECT_TRUE(world->failure().ok()) << world->failure().message();
  memory.lose(2, MemoryWorld::Loss::Silent);
  int64_t end = nowNs() + 30'000'000'000;
  for (uint32_t process : {0u, 1u, 3u}) {
    while (worlds[process]->failure().ok() && nowNs() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    Status s = worlds[process]->failure();
    EXPECT_EQ(s.code(), Code::PeerLost) << s.message();
    EXPECT_NE(s.message().find("process 2 has given no sign of life"), std::string::npos)
        << s.message();
  }
  leaveTogether(worlds);
}

// What the lost one's engine says to itself is an error of each call: it never gets rid of what
// it has to say, and ends nevertheless, and at once.
TEST(WorldTest, WhoseEngineHasFailedEnds) {
  MemoryWorld memory(2);
  Worlds worlds = joinInMemory(memory, 2);
  memory.lose(1, MemoryWorld::Loss::Reported);
  for (auto &world : worlds) { // the other one meets the loss at its next sign of life
    while (world->failure().ok())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(world->failure().code(), Code::PeerLost);
  }
  leaveTogether(worlds);
}

// A look costs what it costs on a machine; how many there are is the courier's.
TEST(WorldTest, WhoWaitsForOthersLooksRarely) {
  MemoryWorld memory(2);
  Worlds worlds = joinInMemory(memory, 2);
  char byte = 0, sent = 7;
  Bell bell;
  Parcel parcel = {};
  parcel.process = 1;
  parcel.data = &byte;
  parcel.bytes = 1;
  parcel.bell = &bell;
  worlds[0]->post(parcel); // a receive that nothing answers yet
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  int64_t begin = nowNs();
  const uint64_t before[] = {memory.questions(0), memory.questions(1)};
  std::this_thread::sleep_for(std::chrono::seconds(1));
  const uint64_t asked[] = {memory.questions(0) - before[0], memory.questions(1) - before[1]};
  const double milliseconds = double(nowNs() - begin) * 1e-6;
  // A look is a question for data and one for control messages, where there is data under way.
  // Signs of life come once a second, and looks are closer behind them.
  EXPECT_LE(double(asked[0]), 2 * milliseconds + 100);
  EXPECT_LE(double(asked[1]), milliseconds / 2 + 100);
  Parcel other = {};
  other.send = true;
  other.data = &sent;
  other.bytes = 1;
  other.bell = &bell;
  worlds[1]->post(other);
  bell.sleepUntil([&] { return parcel.ended && other.ended; });
  EXPECT_EQ(byte, 7);
  leaveTogether(worlds);
  EXPECT_EQ(memory.misuses(), std::vector<std::string>());
}

// What two processes say of the messages between them, before anything runs.
TEST(WorldTest, ProgramsThatDoNotFitTogetherAreRefused) {
  struct Case {
    TransferSpec first, second; // of ranks 0 and 1
    const char *words;
  };
  auto device = makeCpuDevice(1);
  DeviceAddress data = onDevice(*device, std::vector<float>(8));
  const Case cases[] = {
      {{true, 1, 7, data, 16, nullptr}, {false, 0, 7, data, 12, nullptr}, " bytes in process"},
      {{true, 1, 7, data, 16, nullptr}, {false, 0, 8, data, 16, nullptr}, "is never"},
      {{true, 1, 7, data, 16, nullptr}, {true, 0, 7, data, 16, nullptr}, "is never received"},
  };
  for (const Case &each : cases) {
    MemoryWorld memory(2);
    Worlds worlds = joinInMemory(memory, 2);
    together(worlds, [&](dpcrt::World &world) {
      auto messages = makeProcessMessages(world, 2, "train_step");
      auto transport = makeLocalTransport(*device, {}, messages.get());
      Operation *out = nullptr;
      ASSERT_TRUE(
          transport->addExchange(world.self(), {world.self() ? each.second : each.first}, out)
              .ok());
      Status s = transport->finishPreparation();
      EXPECT_EQ(s.code(), Code::Artifact);
      for (const char *words : {each.words, "train_step: message ", "the same artifact"})
        EXPECT_NE(s.message().find(words), std::string::npos) << words << " in " << s.message();
    });
    leaveTogether(worlds);
  }
}

TEST(WorldTest, OthersSayWhatTheyDo) {
  MemoryWorld memory(3);
  Worlds worlds = joinInMemory(memory, 3);
  for (auto &world : worlds)
    world->onAsked([self = world->self()] { return "process " + std::to_string(self); });
  std::vector<std::string> said = worlds[1]->askOthers();
  EXPECT_EQ(said, (std::vector<std::string>{"process 0", "", "process 2"}));
  leaveTogether(worlds);
}

} // namespace
} // namespace dpcrt::test
