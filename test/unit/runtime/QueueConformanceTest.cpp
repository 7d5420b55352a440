// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The conformance suite over pairs of a device of queues and a transport for it, whichever a test
// program has (QueueBackends.cpp).
#include "QueueConformance.h"
#include "DeviceMemory.h"
#include <cmath>
#include <cstring>
#include <map>

namespace dpcrt::test {

TEST_P(QueueConformance, PipelineComputesWhatItShould) {
  for (uint32_t ranks : {2u, 4u}) {
    PipelineReference reference(ranks, 5);
    World::Options options;
    options.ranks = ranks;
    options.microBatches = 5;
    World world(GetParam(), options), again(GetParam(), options);
    ASSERT_TRUE(world.started.ok()) << world.started.message();
    for (uint32_t step = 1; step <= 3; ++step) {
      Status s = world.step();
      ASSERT_TRUE(s.ok()) << s.message();
      ASSERT_TRUE(again.step().ok());
      reference.step(step);
    }
    for (uint32_t r = 0; r < ranks; ++r)
      for (uint32_t e = 0; e < World::experts; ++e)
        for (size_t i = 0; i < 16; ++i)
          ASSERT_NEAR(world.weights(r, e)[i], reference.weights[r][e][i],
                      1e-4 * (1 + std::fabs(reference.weights[r][e][i])))
              << "rank " << r << " expert " << e << " element " << i;
    EXPECT_EQ(world.kept(), again.kept());
    EXPECT_EQ(world.io.fetched, int(3 * ranks * World::experts));
    EXPECT_GE(world.times.end, world.times.begin);
    EXPECT_TRUE(world.times.bubble.empty());
  }
}

TEST_P(QueueConformance, TwoResultsOfOneCommandAreAwaitedByEitherEvent) {
  World::Options options;
  World plain(GetParam(), options);
  options.change = giveForwardsTwoResultsOfOneCommand;
  World world(GetParam(), options);
  for (int step = 0; step < 2; ++step) {
    ASSERT_TRUE(plain.step().ok());
    Status s = world.step();
    ASSERT_TRUE(s.ok()) << s.message();
  }
  EXPECT_EQ(world.kept(), plain.kept());
}

// A traced step is enqueued between steps that are graphs, whose two sets are in use.
TEST_P(QueueConformance, TracedStepsComeBetweenOthers) {
  constexpr int kSteps = 8;
  QueueBackend backend = GetParam();
  World world(backend, {});
  backend.graphs = false;
  World plain(backend, {});
  for (int step = 0; step < kSteps; ++step)
    ASSERT_TRUE(plain.step().ok());
  const bool traced[kSteps] = {true, false, true, true, false, false, true, false};
  for (int step = 0; step <= kSteps; ++step) {
    world.isTraced = step < kSteps && traced[step];
    if (step < kSteps) {
      Status s = world.submit();
      ASSERT_TRUE(s.ok()) << s.message();
    }
    if (step == 0)
      continue;
    Status s = world.finish();
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(world.times.bubble.empty(), !traced[step - 1]) << "step " << step;
  }
  EXPECT_TRUE(world.kept() == plain.kept());
  EXPECT_TRUE(world.io.outputs() == plain.io.outputs());
}

TEST_P(QueueConformance, FailureOfAnInputIsOneOfTheStep) {
  World world(GetParam(), {});
  ASSERT_TRUE(world.step().ok());
  world.io.failAt = 2;
  Status s = world.step();
  EXPECT_EQ(s.code(), Code::Data);
  EXPECT_EQ(s.message(), "rank 0, feed m2: the data ends here");
  EXPECT_EQ(world.step().code(), Code::Data) << "a failed executor stays one";
}

TEST_P(QueueConformance, MemoryThatRunsOutIsAnErrorOfTheStep) {
  World world(GetParam(), {});
  world.io.failAt = 1;
  world.io.throws = true;
  EXPECT_EQ(world.step().code(), Code::OutOfMemory);
}

TEST_P(QueueConformance, AMissingRankIsRefusedAtLoad) {
  World::Options options;
  options.withoutRank = 3;
  World world(GetParam(), options);
  EXPECT_EQ(world.started.code(), Code::Artifact);
  EXPECT_NE(world.started.message().find("from rank 1 to rank 3 is never received"),
            std::string::npos)
      << world.started.message();
}

TEST_P(QueueConformance, NothingThatMovesIsATimeoutThatSaysWhereQueuesStand) {
  if (GetParam().isAlwaysReady)
    GTEST_SKIP() << "the device runs what it is given at once";
  World::Options options;
  options.isReady = false;
  options.executor.timeoutNs = 50'000'000;
  World world(GetParam(), options);
  Status s = world.step();
  EXPECT_EQ(s.code(), Code::Timeout);
  std::vector<const char *> told = {
      "nothing has moved for 0.05 s (--timeout)", "rank 0, stream compute: not behind ",
      "rank 1, stream comm: not behind 'feed m0'",
      "rank 3, stream comm: not behind 'x m0', receive of message 0 from rank 1 (64 bytes)"};
  if (GetParam().graphs)
    told = {"nothing has moved for 0.05 s (--timeout)",
            "the step is one graph; without --cuda-graphs it is known where each queue stands"};
  for (const char *words : told)
    EXPECT_NE(s.message().find(words), std::string::npos) << words << " in " << s.message();
  EXPECT_EQ(world.step().code(), Code::Timeout) << "a failed executor stays one";
}

TEST_P(QueueConformance, WhatADeviceOfQueuesCannotDoIsRefused) {
  World::Options options;
  options.executor.sequential = true;
  World replay(GetParam(), options);
  EXPECT_EQ(replay.started.code(), Code::Usage);
}

TEST_P(QueueConformance, ATracedStepTellsWhenItsCommandsRan) {
  World world(GetParam(), {}), untraced(GetParam(), {});
  ASSERT_TRUE(world.step().ok());
  EXPECT_TRUE(world.spans.empty() && world.times.bubble.empty());
  world.isTraced = true;
  ASSERT_TRUE(world.step().ok());
  for (int step = 0; step < 2; ++step)
    ASSERT_TRUE(untraced.step().ok());
  EXPECT_EQ(world.kept(), untraced.kept());
  ASSERT_EQ(world.times.bubble.size(), 2 * World::experts);
  for (double share : world.times.bubble)
    EXPECT_TRUE(share > 0 && share < 1) << share;
  // All that every rank does, once each.
  std::map<uint32_t, std::map<SpanKind, int>> seen;
  for (const StreamSpans &s : world.spans) {
    const RankPlan &plan = world.executor->plan(s.rank);
    ASSERT_LT(s.stream, plan.streams.size());
    int64_t last = world.times.begin;
    const Span *block = nullptr;
    for (const Span &span : s.spans) {
      ++seen[s.rank][span.kind];
      EXPECT_LE(span.begin, span.end);
      EXPECT_LE(span.end, world.times.end);
      EXPECT_GE(span.begin, last);
      if (span.kind == SpanKind::Block)
        block = &span;
      else
        last = span.end;
      if (block && span.begin < block->end)
        EXPECT_LE(span.end, block->end) << "a command that is not within its block";
    }
  }
  ASSERT_EQ(seen.size(), 2 * World::experts);
  for (uint32_t rank = 0; rank < seen.size(); ++rank) {
    const RankPlan &plan = world.executor->plan(rank);
    int blocks = 0, commands = 0;
    for (auto &item : plan.items)
      if (item->run) {
        blocks += int(item->run->streamCount);
        for (const PlannedCommand &command : item->run->block->commands)
          commands += command.kind != fb::Action::Join;
      } else {
        commands += item->command.kind != fb::Action::Join;
      }
    EXPECT_EQ(seen[rank][SpanKind::Block], blocks) << "rank " << rank;
    EXPECT_EQ(seen[rank][SpanKind::Command], commands) << "rank " << rank;
  }
}

// Collectives alone, all members' phases issued in turn.
TEST_P(QueueConformance, Collectives) {
  auto device = GetParam().device(2);
  ASSERT_TRUE(device->finishPreparation().ok());
  CollectiveCase::each([&](fb::CollectiveKind kind, uint32_t members, bool inPlace) {
    auto transport = GetParam().transport(*device);
    CollectiveCase collective(*device, kind, members, inPlace);
    std::vector<QueueOperation *> operations(members);
    std::vector<std::unique_ptr<Queue>> queues;
    for (uint32_t i = 0; i < members; ++i) {
      Status s = transport->addCollective(collective.ranks[i], collective.specs[i], operations[i]);
      ASSERT_TRUE(s.ok()) << s.message();
      queues.push_back(device->makeQueue(fb::StreamKind::Reduce, "member " + std::to_string(i)));
    }
    ASSERT_TRUE(transport->finishPreparation().ok());
    for (unsigned phase = 0; phase < operations[0]->phases(); ++phase)
      for (uint32_t i = 0; i < members; ++i)
        ASSERT_TRUE(operations[i]->issue(phase, *queues[i]).ok());
    for (uint32_t i = 0; i < members; ++i) {
      auto end = device->makeEvent();
      ASSERT_TRUE(queues[i]->record(*end).ok());
      ASSERT_TRUE(end->wait(noDeadline).ok());
      ASSERT_TRUE(operations[i]->poll().ok());
    }
    collective.check(*device);
  });
}

TEST_P(QueueConformance, TransportRefusesWhatDoesNotMeet) {
  auto device = GetParam().device(1);
  expectThatWhatDoesNotMeetIsRefused<QueueOperation>(*device,
                                                     [&] { return GetParam().transport(*device); });
}

TEST_P(QueueConformance, MemoryFunctions) {
  auto device = GetParam().device(1);
  ASSERT_TRUE(device->finishPreparation().ok());
  auto queue = device->makeQueue(fb::StreamKind::Compute, "only");
  auto end = device->makeEvent();
  auto finish = [&] {
    Status s = queue->record(*end);
    if (s.ok())
      s = end->wait(noDeadline);
    EXPECT_TRUE(s.ok() && end->fired()) << s.message();
  };
  std::map<MemoryKind, DeviceAddress> places;
  for (MemoryKind kind : {MemoryKind::Device, MemoryKind::Host, MemoryKind::Messages}) {
    DeviceAddress &p = places[kind];
    ASSERT_TRUE(device->allocate(4000, kind, p).ok());
    EXPECT_EQ(p % 64, 0u);
    float one = 1.5f;
    uint32_t pattern;
    std::memcpy(&pattern, &one, 4);
    ASSERT_TRUE(queue->fill(p, pattern, 4 * 100).ok());
    ASSERT_TRUE(queue->copy(p + 4 * 200, p + 4 * 90, 4 * 20).ok());
    finish();
    std::vector<float> v = fromDevice<float>(*device, p, 300);
    EXPECT_EQ(v[99], 1.5f);
    EXPECT_EQ(v[100], 0);
    EXPECT_EQ(v[209], 1.5f);
    EXPECT_EQ(v[210], 0);
  }
  // From each kind of memory into each other.
  uint64_t target = 1200;
  for (auto &[to, place] : places)
    for (auto &[from, source] : places)
      ASSERT_TRUE(queue->copy(place + (target += 4), source, 4).ok());
  DeviceAddress sources[] = {onDevice<int64_t>(*device, {1, 5}),
                             onDevice<int64_t>(*device, {7, 2})};
  ASSERT_TRUE(queue->reduce(sources[1], sources, 2, 2, Element::I64).ok());
  DeviceAddress small = onDevice<uint16_t>(*device, {0x3b80});
  DeviceAddress narrow[] = {onDevice<uint16_t>(*device, {0x3f80}), small, small};
  ASSERT_TRUE(queue->reduce(narrow[0], narrow, 3, 1, Element::BF16).ok());
  finish();
  target = 1200;
  for (auto &[to, place] : places)
    for (size_t from = 0; from < places.size(); ++from)
      EXPECT_EQ(fromDevice<float>(*device, place + (target += 4), 1)[0], 1.5f);
  EXPECT_EQ(fromDevice<int64_t>(*device, sources[1], 2), (std::vector<int64_t>{8, 7}));
  EXPECT_EQ(fromDevice<uint16_t>(*device, narrow[0], 1)[0], 0x3f81) << "rounded once";
}

} // namespace dpcrt::test
