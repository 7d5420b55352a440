// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The executor of queues on a device of given times, in a time of its own: a step takes
// what the rules of docs/Simulation.md say, to the nanosecond.
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

// All forwards and then all backwards, as GPipe has them.
TEST_F(ClockExecution, EqualStagesTakeTheClosedForm) {
  for (uint32_t ranks : {2u, 4u, 8u}) {
    options.ranks = ranks;
    EXPECT_EQ(step(), int64_t(options.microBatches + ranks - 1) * 75 * kMs) << ranks << " ranks";
    EXPECT_EQ(factor, 1);
  }
}

TEST_F(ClockExecution, TheSlowestStageIsWhatTheOthersWaitFor) {
  options.ranks = 4;
  times.stages[2] = {40 * kMs, 26 * kMs, 39 * kMs};
  int64_t forward = 3 * 30 + 40 * options.microBatches, backward = 3 * 45 + 65 * 5;
  EXPECT_EQ(step(), (forward + backward) * kMs);
}

TEST_F(ClockExecution, MessagesTakeLatencyAndBytes) {
  // Each of 64 bytes. The first rank feeds on its stream of messages, so that its next forward
  // waits for the message before. Back they go beside the work; the swap ends the step.
  auto wanted = [](int64_t message) { return 5 * (30 + message) + 30 + 6 * 45 + 2 * message; };
  EXPECT_EQ(step({2 * kMs, 64e3}), wanted(3) * kMs);
  EXPECT_EQ(step({2 * kMs, 0}), wanted(2) * kMs);
}

// A run begins when all is there that any of its commands needs: the second message of a pair is
// needed by its last command alone.
TEST_F(ClockExecution, ARunIsOnePieceOfTime) {
  options.change = [](Programs &programs) {
    for (uint32_t r = 0; r < 2; ++r) {
      programs[r] = emptyProgram(r, 2, 5);
      programs[r]->blocks[BackwardBlock]->kind = fb::TaskKind::Pair;
      programs[r]->blocks[BackwardBlock]->stage = 0;
      programs[r]->blocks[BackwardBlock]->pair_stage = 1;
      fb::BlockT &block = *programs[r]->blocks[BackwardBlock];
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
      pair.result_events = {int32_t(rank.event())};
      pair.streams = {Compute};
      uint32_t result = uint32_t(pair.result_events[0]);
      rank.add(Compute, "", std::move(pair));
      rank.add(Reduce, "", fb::JoinT(), {result});
    }
  };
  EXPECT_EQ(step(), (30 + 30 + 45) * kMs);
  times.pairs.assign(64, 0);
  times.pairs[0 * 8 + 1] = 61 * kMs;
  EXPECT_EQ(step(), (30 + 61) * kMs);
}

TEST_F(ClockExecution, ShortTimesAreStretchedForTheHost) {
  times.stages.assign(8, {30, 20, 25});
  int64_t taken = step();
  EXPECT_GT(factor, 1000);
  EXPECT_EQ(taken, int64_t(6 * 75 * factor));
  int64_t busy = int64_t(5 * 75 * factor); // of each rank
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
