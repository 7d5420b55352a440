// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The executor of queues on a device of given times, in a time of its own: a step takes
// what its tasks and messages take, to the nanosecond.
#include "Conformance.h"
#include "ManualClock.h"
#include "executor/TaskTimes.h"
#include "transports/local/LocalQueueTransport.h"

namespace dpcrt::test {
namespace {
constexpr int64_t kMs = 1'000'000;

class ClockExecution : public testing::Test {
protected:
  ClockExecution() {
    options.microBatches = 5;
    // For ever: the timeout is one of the machine's time.
    options.executor.timeoutNs = 0;
    options.executor.times = &times;
    // Before a pipeline is made, its stages have these times.
    times.stages.assign(8, {30 * kMs, 20 * kMs, 25 * kMs});
  }
  // Nanoseconds of a second step.
  int64_t step(const Link &link = {}) {
    World world({"clock", [&](unsigned) { return makeClockDevice(clock); },
                 [&](QueueDevice &device) { return makeLinkedQueueTransport(device, link); }},
                options);
    EXPECT_TRUE(world.started.ok()) << world.started.message();
    EXPECT_TRUE(world.step().ok());
    int64_t begin = clock.time;
    EXPECT_TRUE(world.step().ok());
    factor = world.device->queue()->givenTimes()->factor();
    return clock.time - begin;
  }

  ManualClock clock;
  TaskTimes times;
  World::Options options;
  double factor = 0;
};

// All forwards and then all backwards, as GPipe has them. The output of a forward is there when
// 5/6 of its work is done, an input gradient after half of a backward: then the next stage begins.
TEST_F(ClockExecution, EqualStagesTakeTheClosedForm) {
  for (bool graphs : {false, true})
    for (uint32_t ranks : {2u, 4u, 8u}) {
      options.executor.graphs = graphs;
      options.ranks = ranks;
      int64_t hop = 30 * kMs * 5 / 6 + 45 * kMs / 2;
      EXPECT_EQ(step(), 5 * 75 * kMs + int64_t(ranks - 1) * hop) << ranks << " ranks";
      EXPECT_EQ(factor, 1);
    }
}

// With the next step under way, what a host that looks late sees is no step's time.
TEST_F(ClockExecution, AStepEndsWhenTheDeviceSaysHoweverLateTheHostLooks) {
  World world({"clock", [&](unsigned) { return makeClockDevice(clock); }, makeLocalQueueTransport},
              options);
  ASSERT_TRUE(world.submit().ok() && world.submit().ok());
  clock.time += 10'000 * kMs;
  ASSERT_TRUE(world.finish().ok());
  int64_t first = world.times.end;
  clock.time += 7 * kMs;
  ASSERT_TRUE(world.finish().ok());
  int64_t hop = 30 * kMs * 5 / 6 + 45 * kMs / 2;
  EXPECT_EQ(first, 5 * 75 * kMs + hop);
  EXPECT_EQ(world.times.end - first, 5 * 75 * kMs + hop);
}

TEST_F(ClockExecution, TheSlowestStageIsWhatTheOthersWaitFor) {
  options.ranks = 4;
  times.stages[2] = {60 * kMs, 26 * kMs, 40 * kMs};
  int64_t forward = 2 * 25 * kMs + (4 * 60 + 50) * kMs + 30 * kMs;
  int64_t backward = 45 * kMs / 2 + (4 * 66 + 33) * kMs + 45 * kMs / 2 + 45 * kMs;
  EXPECT_EQ(step(), forward + backward);
}

TEST_F(ClockExecution, MessagesTakeLatencyAndBytes) {
  // Each of 64 bytes. The first rank feeds on its stream of messages, so that its next forward
  // waits for the message before, if that is there later than the forward's end. Back they go
  // beside the work; the swap ends the step.
  auto wanted = [](int64_t message) {
    int64_t forward = 4 * std::max<int64_t>(30, 25 + message) + 25 + message + 30;
    return (2 * forward + 5 * 90 + 45 + 4 * message) * kMs / 2;
  };
  for (int64_t latency : {2, 8}) {
    EXPECT_EQ(step({latency * kMs, 64e3}), wanted(latency + 1)) << latency;
    EXPECT_EQ(step({latency * kMs, 0}), wanted(latency)) << latency;
  }
}

// Each command of a run waits for what it needs itself: the second operand of this pair is needed
// by its last command alone, after half of its work.
TEST_F(ClockExecution, TheTimeOfARunPassesOverItsCommands) {
  options.change = [](Programs &programs) {
    for (uint32_t r = 0; r < 2; ++r) {
      programs[r] = emptyProgram(r, 2, 5);
      fb::BlockT &block = *programs[r]->blocks[BackwardBlock];
      block.kind = fb::TaskKind::Pair;
      block.stage = 0;
      block.pair_stage = 1;
      block.commands[1]->waits.push_back(4); // the accumulator
      Rank rank(*programs[r]);
      fb::RunT late, pair;
      late.block = ForwardBlock;
      late.operands = {arena(Messages, 0), arena(Weights, 0), arena(Messages, 2), arena(Stash, 0)};
      late.operand_events = {-1, -1, -1, -1};
      late.result_events = {int32_t(rank.event())};
      late.streams = {Comm, Reduce};
      int32_t made = late.result_events[0];
      rank.add(Comm, "", std::move(late));
      pair.block = BackwardBlock;
      pair.operands = {arena(Messages, 4), arena(Stash, 0), arena(Weights, 0), arena(Messages, 6),
                       arena(Gradients, 0)};
      pair.operand_events = {-1, -1, -1, -1, made};
      pair.result_events = {-1};
      pair.streams = {Compute};
      uint32_t done = rank.event();
      rank.add(Compute, "", std::move(pair), {}, int32_t(done));
      rank.add(Comm, "", fb::JoinT(), {done});
    }
  };
  times.pairs.assign(64, 0);
  times.pairs[0 * 8 + 1] = 10 * kMs; // its first half is over before the operand is there
  EXPECT_EQ(step(), (25 + 5) * kMs);
  times.pairs[0 * 8 + 1] = 80 * kMs; // it is there before
  EXPECT_EQ(step(), 80 * kMs);
  times.pairs.clear(); // the sum of its parts
  EXPECT_EQ(step(), (30 + 45) * kMs);
}

TEST_F(ClockExecution, ShortTimesAreStretchedForTheHost) {
  times.stages.assign(8, {30, 20, 25});
  int64_t taken = step();
  EXPECT_GT(factor, 1000);
  EXPECT_NEAR(double(taken), (5 * 75 + 25 + 22.5) * factor, factor); // whole nanoseconds
  int64_t busy = int64_t(5 * 75 * factor);                           // of each rank
  EXPECT_GE(busy, 20 * kMs);
  EXPECT_LT(busy, 60 * kMs);
}

TEST_F(ClockExecution, WithoutTimesNothingTakesAny) {
  times.stages.assign(8, {});
  EXPECT_EQ(step(), 0);
  EXPECT_EQ(factor, 1);
}

TEST_F(ClockExecution, StagesWithoutTimesAreNamed) {
  times.stages.resize(1);
  Programs programs = pipeline(2, 3);
  Result<ProgramFile> file = readProgram(pack(*programs[1]), "test");
  ASSERT_TRUE(file.ok());
  Status s = times.check(file->program());
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_EQ(s.message(),
            "there are times of 1 stages, but 's1.forward' is of stage 1, counted from 0");
  times.stages.resize(2);
  EXPECT_TRUE(times.check(file->program()).ok());
}
} // namespace
} // namespace dpcrt::test
