// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The conformance suite over all pairs of a device and a transport of this build.
#include "Conformance.h"
#include "DeviceMemory.h"
#include "FencedDevice.h"
#include "TestKernels.h"
#include "WorldTransport.h"
#include "devices/cpu/CpuDevice.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <future>
#include <gtest/gtest.h>
#include <limits>

namespace dpcrt::test {
namespace {
const Backend backends[] = {
    {"cpu_local", makeCpuDevice,
     [](HostDevice &device, const Link &link) { return makeLocalTransport(device, link); }},
    {"fenced_local", makeFencedDevice,
     [](HostDevice &device, const Link &link) { return makeLocalTransport(device, link); }},
    // A process for each rank that there may be, and several ranks in one.
    {"cpu_processes", makeCpuDevice,
     [](HostDevice &device, const Link &) { return makeWorldTransport(device, 8, 8); },
     /*isSpread=*/true, failWorlds},
    {"cpu_few_processes", makeCpuDevice,
     [](HostDevice &device, const Link &) {
       return makeWorldTransport(device, 3, 8, {.seed = 5, .delay = 20});
     },
     /*isSpread=*/true, failWorlds},
    {"fenced_processes", makeFencedDevice,
     [](HostDevice &device, const Link &) {
       return makeWorldTransport(device, 5, 8, {.seed = 7, .delay = 5, .eagerBytes = 100});
     },
     /*isSpread=*/true, failWorlds},
};

class Conformance : public testing::TestWithParam<Backend> {};

double cpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

TEST_P(Conformance, PipelineComputesWhatItShould) {
  for (uint32_t ranks : {2u, 4u}) {
    PipelineReference reference(ranks, 5);
    std::vector<char> replayed;
    for (int mode = -1; mode < 4; ++mode) { // the replay, then 1 to 4 threads
      const Backend &backend = mode < 0 && GetParam().isSpread ? backends[0] : GetParam();
      World::Options options;
      options.ranks = ranks;
      options.microBatches = 5;
      options.threads = unsigned(std::max(1, mode + 1));
      options.executor.sequential = mode < 0;
      World world(backend, options);
      for (uint32_t step = 1; step <= 3; ++step) {
        Status s = world.step();
        ASSERT_TRUE(s.ok()) << s.message();
        if (mode < 0)
          reference.step(step);
      }
      for (uint32_t r = 0; r < ranks; ++r)
        for (uint32_t e = 0; e < World::experts; ++e)
          for (size_t i = 0; i < 16; ++i)
            ASSERT_NEAR(world.weights(r, e)[i], reference.weights[r][e][i],
                        1e-4 * (1 + std::fabs(reference.weights[r][e][i])))
                << "rank " << r << " expert " << e << " element " << i;
      EXPECT_EQ(world.io.fetched, int(3 * ranks * World::experts));
      if (mode < 0)
        replayed = world.memory();
      else
        EXPECT_EQ(replayed, world.memory()) << ranks << " ranks, " << options.threads << " threads";
    }
  }
}

TEST_P(Conformance, TwoResultsOfOneCommandAreAwaitedByEitherEvent) {
  for (bool sequential : {false, true}) {
    if (sequential && GetParam().isSpread)
      continue;
    World::Options options;
    options.executor.sequential = sequential;
    World plain(GetParam(), options);
    options.change = [](Programs &programs) {
      giveForwardsTwoResultsOfOneCommand(programs);
      Status s = check(programs);
      EXPECT_TRUE(s.ok()) << s.message();
    };
    options.executor.timeoutNs = 30'000'000'000;
    World world(GetParam(), options);
    for (int step = 0; step < 2; ++step) {
      ASSERT_TRUE(plain.step().ok());
      Status s = world.step();
      ASSERT_TRUE(s.ok()) << s.message();
    }
    EXPECT_EQ(world.memory(), plain.memory());
  }
}

TEST_P(Conformance, EmulatedLinkTakesItsTimeAndNoCore) {
  if (GetParam().isSpread)
    GTEST_SKIP() << "links are emulated within a process";
  World::Options options;
  options.microBatches = 3;
  options.link.latencyNs = 40'000'000;
  World world(GetParam(), options);
  ASSERT_TRUE(world.step().ok());
  double cpu = cpuSeconds();
  int64_t begin = nowNs();
  ASSERT_TRUE(world.step().ok());
  double wall = double(nowNs() - begin) * 1e-9;
  cpu = cpuSeconds() - cpu;
  // Forward and backward of one micro-batch: two all-to-alls, a message each way;
  // then the swap overlaps, and the all-reduce takes one latency.
  EXPECT_GE(wall, 0.040 * 5);
  EXPECT_LT(cpu, wall / 4) << "waiting used a core";
  double waited = 0;
  for (double b : world.times.bubble)
    waited += b / double(world.times.bubble.size());
  EXPECT_GT(waited, 0.5);
}

TEST_P(Conformance, ReplayWaitsForAnEmulatedLink) {
  if (GetParam().isSpread)
    GTEST_SKIP() << "a replay is of one process";
  World::Options options;
  options.executor.sequential = true;
  options.link.latencyNs = 5'000'000;
  World slow(GetParam(), options);
  options.link = {};
  World quick(GetParam(), options);
  for (int step = 0; step < 2; ++step) {
    int64_t begin = nowNs();
    Status s = slow.step();
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_GE(nowNs() - begin, options.link.latencyNs);
    ASSERT_TRUE(quick.step().ok());
  }
  EXPECT_EQ(slow.memory(), quick.memory());
}

TEST_P(Conformance, FailureOfOneRankStopsAll) {
  for (bool sequential : {false, true}) {
    if (sequential && GetParam().isSpread)
      continue;
    World::Options options;
    options.ranks = 4;
    options.executor.sequential = sequential;
    World world(GetParam(), options);
    ASSERT_TRUE(world.step().ok());
    world.io.failAt = 2;
    Status s = world.step();
    EXPECT_EQ(s.code(), Code::Data);
    EXPECT_NE(s.message().find("the data ends here"), std::string::npos) << s.message();
    EXPECT_EQ(world.step().code(), Code::Data) << "a failed executor stays one";
  }
}

TEST_P(Conformance, MemoryThatRunsOutInAThreadIsAnErrorOfTheStep) {
  for (bool sequential : {false, true}) {
    if (sequential && GetParam().isSpread)
      continue;
    World::Options options;
    options.executor.sequential = sequential;
    World world(GetParam(), options);
    world.io.failAt = 1;
    world.io.throws = true;
    EXPECT_EQ(world.step().code(), Code::OutOfMemory);
  }
}

TEST_P(Conformance, MissingRankIsATimeoutThatSaysWhoWaits) {
  World::Options options;
  options.withoutRank = 3;
  options.executor.timeoutNs = 300'000'000;
  World world(GetParam(), options);
  Status s = world.step();
  EXPECT_EQ(s.code(), Code::Timeout);
  for (const char *words :
       {"rank 1, stream comm", "to rank 3", "rank 2, stream reduce", "of 2 ranks"})
    EXPECT_NE(s.message().find(words), std::string::npos) << words << " in " << s.message();
  // Of a collective within a process it knows how many have come, else who has not.
  EXPECT_TRUE(s.message().find("of 2 ranks, of which 1") != std::string::npos ||
              s.message().find("of 2 ranks, and has not met rank 3") != std::string::npos)
      << s.message();
}

TEST(Link, AnAllReduceTakesTheShorterWay) {
  Link link{1000, 1e9};
  EXPECT_EQ(link.allReduceNanoseconds(2, 1e6), 1000 + 1'000'000); // as many bytes, one latency
  EXPECT_EQ(link.allReduceNanoseconds(4, 16), 1000 + 48);
  EXPECT_EQ(link.allReduceNanoseconds(4, 1e6), 2 * (1000 + 750'000));
}

TEST_P(Conformance, TraceTellsRunningFromWaiting) {
  World::Options options;
  options.threads = 1;
  World world(GetParam(), options);
  ASSERT_TRUE(world.step().ok());
  bool kinds[4] = {};
  for (const StreamSpans &s : world.spans)
    for (const Span &span : s.spans) {
      EXPECT_LE(span.begin, span.end);
      kinds[int(span.kind)] = true;
    }
  EXPECT_TRUE(kinds[int(SpanKind::Block)] && kinds[int(SpanKind::Command)] &&
              kinds[int(SpanKind::WaitMessage)]);
}

// Collectives alone, each member a thread.
TEST_P(Conformance, Collectives) {
  auto device = GetParam().device(2);
  ASSERT_TRUE(device->finishPreparation().ok());
  CollectiveCase::each([&](fb::CollectiveKind kind, uint32_t members, bool inPlace) {
    auto transport = GetParam().transport(*device, {});
    CollectiveCase collective(*device, kind, members, inPlace);
    std::vector<Operation *> operations(members);
    for (uint32_t i = 0; i < members; ++i) {
      Status s = transport->addCollective(collective.ranks[i], collective.specs[i], operations[i]);
      ASSERT_TRUE(s.ok()) << s.message();
    }
    ASSERT_TRUE(transport->finishPreparation().ok());
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < members; ++i)
      threads.emplace_back([&, i] {
        auto lane = device->makeLane();
        operations[i]->start(1);
        while (!operations[i]->progress(*lane)) {
          lane->leave();
          operations[i]->wait();
        }
      });
    for (auto &t : threads)
      t.join();
    collective.check(*device);
  });
}

TEST_P(Conformance, TransportRefusesWhatDoesNotMeet) {
  auto device = GetParam().device(1);
  expectThatWhatDoesNotMeetIsRefused<Operation>(*device,
                                                [&] { return GetParam().transport(*device, {}); });
}

TEST_P(Conformance, MemoryFunctions) {
  auto device = GetParam().device(1);
  ASSERT_TRUE(device->finishPreparation().ok());
  auto lane = device->makeLane();
  lane->enter();
  constexpr uint64_t elements = 100 << 18;
  for (MemoryKind kind : {MemoryKind::Device, MemoryKind::Host, MemoryKind::Messages}) {
    DeviceAddress p;
    ASSERT_TRUE(device->allocate(elements * 4, kind, p).ok());
    EXPECT_EQ(p % 64, 0u);
    EXPECT_EQ(fromDevice<float>(*device, p + (elements - 1) * 4, 1)[0], 0);
    uint32_t one;
    float f = 1.5f;
    std::memcpy(&one, &f, 4);
    device->fill(*lane, p, one, 4 * 100);
    device->copy(*lane, p + 4 * 200, p + 4 * 90, 4 * 20);
    std::vector<float> v = fromDevice<float>(*device, p, 300);
    EXPECT_EQ(v[99], 1.5f);
    EXPECT_EQ(v[100], 0);
    EXPECT_EQ(v[209], 1.5f);
    EXPECT_EQ(v[210], 0);
  }
  DeviceAddress m = onDevice<int64_t>(*device, {0, 0});
  DeviceAddress sources[] = {onDevice<int64_t>(*device, {1, 5}),
                             onDevice<int64_t>(*device, {7, 2})};
  device->reduce(*lane, m, sources, 2, 2, Element::I64);
  EXPECT_EQ(fromDevice<int64_t>(*device, m, 2), (std::vector<int64_t>{8, 7}));
  // Of 16 bits, added in f32 and rounded once: 1 + 2^-8 + 2^-8 is 1 + 2^-7, where a
  // rounding after each sum would lose both.
  DeviceAddress small = onDevice<uint16_t>(*device, {0x3b80}),
                half = onDevice<uint16_t>(*device, {0});
  DeviceAddress narrow[] = {onDevice<uint16_t>(*device, {0x3f80}), small, small};
  device->reduce(*lane, half, narrow, 3, 1, Element::BF16);
  EXPECT_EQ(fromDevice<uint16_t>(*device, half, 1)[0], 0x3f81);
}

TEST_P(Conformance, SharedRangesGiveTheSameResult) {
  fb::KernelT kernel;
  kernel.symbol = "k_scratch";
  constexpr uint64_t range = 1 << 20; // as testKernels() says
  kernel.bytes = 1 << 30;             // long enough to be shared
  kernel.buffers = {fb::Buffer(range * 4, uint8_t(Element::F32), fb::Access::Read),
                    fb::Buffer(range * 4, uint8_t(Element::F32), fb::Access::Write)};
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Kernel::Pack(builder, &kernel));
  std::vector<float> in(range);
  for (size_t i = 0; i < in.size(); ++i)
    in[i] = float(i % 1000);
  for (unsigned threads : {1u, 2u, 4u}) {
    auto device = GetParam().device(threads);
    ASSERT_TRUE(device->openKernels(DPCRT_TEST_KERNELS, testKernels(), {}).ok());
    const PreparedLaunch *launch = nullptr;
    ASSERT_TRUE(
        device->prepareLaunch(*flatbuffers::GetRoot<fb::Kernel>(builder.GetBufferPointer()), launch)
            .ok());
    ASSERT_TRUE(device->finishPreparation().ok());
    auto lane = device->makeLane();
    DeviceAddress buffers[] = {onDevice(*device, in), onDevice(*device, std::vector<float>(range))};
    for (int repeat = 0; repeat < 20; ++repeat) {
      lane->enter();
      device->fill(*lane, buffers[1], 0, range * 4);
      device->launch(*lane, *launch, buffers, 2);
      lane->leave();
      std::vector<float> out = fromDevice<float>(*device, buffers[1], range);
      for (size_t i = 0; i < in.size(); ++i)
        ASSERT_EQ(out[i], in[i] + 1) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, Conformance, testing::ValuesIn(backends),
                         [](auto &info) { return info.param.name; });

TEST(Cores, NeverMoreThanThereAre) {
  Cores cores(2);
  ASSERT_TRUE(cores.start().ok());
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        int core = cores.acquire();
        auto piece = [](void *context, int, uint64_t) {
          auto &[in, top] =
              *static_cast<std::pair<std::atomic<int> *, std::atomic<int> *> *>(context);
          int now = ++*in;
          for (int seen = *top; now > seen && !top->compare_exchange_weak(seen, now);) {
          }
          for (volatile int k = 0; k < 200; k = k + 1) {
          }
          --*in;
        };
        std::pair<std::atomic<int> *, std::atomic<int> *> context{&inside, &most};
        cores.share(core, 8, piece, &context);
        cores.release(core);
      }
    });
  for (auto &t : threads)
    t.join();
  EXPECT_LE(most, 2);
  EXPECT_GE(most, 1);
}

// Each of two pieces ends only when the other has begun.
TEST(Cores, IdleOnesHelp) {
  Cores cores(2);
  ASSERT_TRUE(cores.start().ok());
  struct Pair {
    std::atomic<int> begun{0}, alone{0};
  } pair;
  int core = cores.acquire();
  cores.share(
      core, 2,
      [](void *context, int, uint64_t) {
        auto &m = *static_cast<Pair *>(context);
        ++m.begun;
        int64_t end = nowNs() + 60'000'000'000;
        while (m.begun < 2 && nowNs() < end)
          std::this_thread::yield();
        m.alone += m.begun < 2;
      },
      &pair);
  cores.release(core);
  EXPECT_EQ(pair.begun, 2);
  EXPECT_EQ(pair.alone, 0) << "nobody helped";
}

// As if another thread did and rang between the look and the sleep.
TEST(Bell, WhatRingsDuringALookIsNotSleptThrough) {
  Bell bell;
  std::atomic<bool> happened{false};
  int looks = 0;
  auto waited = std::async(std::launch::async, [&] {
    bell.sleepUntil([&] {
      bool seen = happened;
      if (++looks == 1) {
        happened = true;
        bell.ring();
      }
      return seen;
    });
  });
  EXPECT_EQ(waited.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(looks, 2);
  bell.ring(); // where it was slept through after all, the test still ends
}

TEST(Kernels, OneThatTheTableDoesNotKnowIsNotRun) {
  auto device = makeCpuDevice(1);
  ASSERT_TRUE(device->openKernels(DPCRT_TEST_KERNELS, KernelTable(), {}).ok());
  fb::KernelT kernel;
  kernel.symbol = "k_sgd";
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Kernel::Pack(builder, &kernel));
  const PreparedLaunch *launch = nullptr;
  Status s =
      device->prepareLaunch(*flatbuffers::GetRoot<fb::Kernel>(builder.GetBufferPointer()), launch);
  EXPECT_EQ(s.code(), Code::Artifact);
  EXPECT_EQ(s.message(), "the artifact's kernel table does not say how 'k_sgd' is run");
}

TEST(Cores, MissingFeaturesAreNamed) {
  auto device = makeCpuDevice(1);
  Status s = device->openKernels(DPCRT_TEST_KERNELS, testKernels(), {"sse4.2", "quantum"});
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_NE(s.message().find("quantum"), std::string::npos);
  EXPECT_EQ(s.message().find("sse4.2"), std::string::npos);
}
} // namespace
} // namespace dpcrt::test
