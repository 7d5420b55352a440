// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the executor of queues enqueues, as the virtual device sees it, and what it refuses.
#include "Conformance.h"
#include "InertDevice.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"
#include "transports/local/LocalQueueTransport.h"
#include <gtest/gtest.h>
#include <set>

namespace dpcrt::test {
namespace {
using What = VirtualEntry::What;
using Kind = VirtualCommand::Kind;

struct Seen {
  What what;
  Kind kind;
  size_t queue;
  std::vector<DeviceAddress> buffers;
  std::shared_ptr<VirtualMark> mark;
  std::thread::id thread;
};

class QueueExecution : public testing::Test {
protected:
  // What has been seen since the last call.
  std::vector<Seen> take() { return std::exchange(seen, {}); }

  QueueBackend backend(const std::string &order) {
    return {"virtual",
            [this, order](unsigned threads) {
              auto device = makeVirtualDevice(makeCpuDevice(threads));
              EXPECT_TRUE(device->chooseOrder(order).ok());
              device->watch([this](const VirtualEntry &entry) {
                Seen now{entry.what, Kind::Wait, 0, {}, nullptr, entry.thread};
                if (entry.command) {
                  now.kind = entry.command->kind;
                  now.queue = entry.command->queue;
                  now.buffers = entry.command->buffers;
                  now.mark = entry.command->mark;
                }
                seen.push_back(std::move(now));
              });
              return device;
            },
            makeLocalQueueTransport};
  }
  std::vector<Seen> enqueuedInStep(World &world) {
    take();
    Status s = world.step();
    EXPECT_TRUE(s.ok()) << s.message();
    std::vector<Seen> commands;
    for (Seen &entry : take())
      if (entry.what == What::Enqueued)
        commands.push_back(std::move(entry));
    return commands;
  }

  // Two steps under way leave what steps one by one do, in each of these orders, and in one of
  // them a copy of the step behind has run when a step has ended.
  void expectThatStepsInFlightCompute(std::initializer_list<const char *> orders,
                                      const World::Options &options) {
    constexpr int steps = 4;
    World inTurn(backend("0,policy=first"), {});
    for (int step = 0; step < steps; ++step)
      ASSERT_TRUE(inTurn.step().ok());
    bool hasMixed = false;
    for (const char *order : orders) {
      World world(backend(order), options);
      ASSERT_TRUE(world.submit().ok());
      for (int step = 1; step < steps; ++step) {
        ASSERT_TRUE(world.submit().ok());
        take();
        ASSERT_TRUE(world.finish().ok());
        for (const Seen &entry : take())
          hasMixed |= entry.what == What::Ran && entry.kind == Kind::Copy && entry.queue == 12;
      }
      ASSERT_TRUE(world.finish().ok());
      EXPECT_EQ(world.kept(), inTurn.kept()) << order;
      EXPECT_EQ(world.io.outputs(), inTurn.io.outputs()) << order;
    }
    EXPECT_TRUE(hasMixed);
  }

  // Two coordinates of pp whose programs are what `write` adds to empty ones.
  static World::Options ranks(std::function<void(uint32_t r, Rank &rank)> write) {
    World::Options options;
    options.change = [write](Programs &programs) {
      for (uint32_t r = 0; r < 2; ++r) {
        programs[r] = emptyProgram(r, 2, 4);
        Rank rank(*programs[r]);
        write(r, rank);
      }
    };
    return options;
  }

  std::vector<Seen> seen;
};

TEST_F(QueueExecution, OneThreadEnqueuesAStepAndWaitsForNothingInIt) {
  World world(backend("1"), {});
  for (int step = 0; step < 3; ++step) {
    take();
    ASSERT_TRUE(world.step().ok());
    std::vector<Seen> all = take();
    auto isEnqueued = [](const Seen &entry) { return entry.what == What::Enqueued; };
    auto first = std::find_if(all.begin(), all.end(), isEnqueued);
    auto last = std::find_if(all.rbegin(), all.rend(), isEnqueued).base();
    ASSERT_GT(last - first, 100);
    for (auto entry = first; entry != last; ++entry) {
      ASSERT_EQ(entry->what, What::Enqueued) << "entry " << entry - first;
      EXPECT_EQ(entry->thread, std::this_thread::get_id());
    }
    // Everything that was enqueued has run, elsewhere.
    auto hasRun = [](const Seen &entry) { return entry.what == What::Ran; };
    EXPECT_EQ(std::count_if(all.begin(), all.end(), hasRun), last - first);
    EXPECT_NE(std::find_if(all.begin(), all.end(), hasRun)->thread, std::this_thread::get_id());
  }
}

// But for what the host stages, every step has the same addresses, so that a device may keep
// what it made of the step before last.
TEST_F(QueueExecution, EverySecondStepHasTheSameCommands) {
  World world(backend("1"), {});
  std::vector<Seen> steps[4];
  for (std::vector<Seen> &step : steps)
    step = enqueuedInStep(world);
  for (int n : {0, 1}) {
    ASSERT_EQ(steps[n].size(), steps[n + 2].size());
    for (size_t i = 0; i < steps[n].size(); ++i) {
      EXPECT_EQ(steps[n][i].kind, steps[n + 2][i].kind);
      EXPECT_EQ(steps[n][i].queue, steps[n + 2][i].queue);
      EXPECT_TRUE(steps[n][i].buffers == steps[n + 2][i].buffers) << "command " << i;
    }
  }
  int others = 0;
  for (size_t i = 0; i < steps[0].size(); ++i)
    if (!(steps[0][i].buffers == steps[1][i].buffers)) {
      EXPECT_TRUE(steps[0][i].kind == Kind::Copy || steps[0][i].kind == Kind::Forget);
      ++others;
    }
  // Four micro-batches are fed on each of two expert ranks, each of the four ranks has a step
  // record, and what was fed is forgotten where it was staged; all ranks fetch, the first also
  // its record's header. All that is fed comes by one copy.
  EXPECT_EQ(others, 2 * (2 * 4 + 4) + 4 + 1 + 1);
}

TEST_F(QueueExecution, TheNextStepIsEnqueuedWhileOneRuns) {
  World world(backend("1"), {});
  ASSERT_TRUE(world.submit().ok());
  take();
  ASSERT_TRUE(world.submit().ok());
  auto is = [](What what) { return [=](const Seen &entry) { return entry.what == what; }; };
  std::vector<Seen> second = take();
  EXPECT_GT(std::count_if(second.begin(), second.end(), is(What::Enqueued)), 100);
  EXPECT_EQ(std::count_if(second.begin(), second.end(), is(What::Waited)), 0);
  Status third = world.submit();
  EXPECT_EQ(third.code(), Code::Usage);
  EXPECT_EQ(third.message(), "2 steps are under way; finish one first");
  ASSERT_TRUE(world.finish().ok());
  ASSERT_TRUE(world.finish().ok());
  EXPECT_EQ(world.io.headers.size(), 2u);
  EXPECT_EQ(world.finish().message(), "no step is under way; submit one first");
}

// Whatever order the device takes, also between the steps, and however many are under way.
TEST_F(QueueExecution, StepsInFlightComputeWhatStepsInTurnDo) {
  // Something of the step behind has run when all of this one has.
  expectThatStepsInFlightCompute({"0,policy=first", "0,policy=reverse", "0,policy=starve=0",
                                  "0,policy=starve=12", "1", "2", "3", "4"},
                                 {});
}

TEST_F(QueueExecution, EventsAreRecordedWhereAnotherQueueWaitsOnly) {
  World::Options options;
  options.ranks = 4;
  World world(backend("1"), options);
  std::map<VirtualMark *, size_t> recordedOn;
  std::set<VirtualMark *> awaited;
  std::vector<Seen> step = enqueuedInStep(world);
  for (const Seen &entry : step) {
    if (entry.kind == Kind::Record)
      recordedOn[entry.mark.get()] = entry.queue;
    if (entry.kind != Kind::Wait)
      continue;
    ASSERT_TRUE(entry.mark) << "a wait for what nobody has recorded";
    auto record = recordedOn.find(entry.mark.get());
    ASSERT_NE(record, recordedOn.end()) << "a wait for a record of another step";
    EXPECT_NE(record->second, entry.queue);
    awaited.insert(entry.mark.get());
  }
  // The host waits for the end of each rank's step.
  EXPECT_EQ(recordedOn.size(), awaited.size() + 4 * World::experts);
}

// Inputs are copied, and behind them, and behind the step before, all else is one command.
TEST_F(QueueExecution, AGraphIsLaunchedForAStepAndNothingElseIsEnqueued) {
  World::Options options;
  options.executor.graphs = true;
  World world(backend("1"), options);
  ASSERT_TRUE(world.started.ok()) << world.started.message();
  // A set's commands are those of the other, and of every step without graphs, between a fork of
  // all queues and a join.
  std::map<Kind, int> captured, enqueued;
  for (const Seen &entry : take()) {
    captured[entry.kind] += entry.what == What::Captured;
    EXPECT_NE(entry.what, What::Enqueued);
  }
  World plain(backend("1"), {});
  for (const Seen &entry : enqueuedInStep(plain))
    ++enqueued[entry.kind];
  for (Kind kind : {Kind::Launch, Kind::Call, Kind::Fill, Kind::Reduce, Kind::Forget})
    EXPECT_EQ(captured[kind], 2 * enqueued[kind]);
  EXPECT_EQ(captured[Kind::Copy], 2 * (enqueued[Kind::Copy] - 1)) << "all but the inputs'";
  // Each rank waits for the inputs on one of its three queues, and ends on one.
  constexpr int ranks = 2 * World::experts;
  EXPECT_EQ(captured[Kind::Wait], 2 * (enqueued[Kind::Wait] - ranks + 3 * ranks + ranks));
  EXPECT_EQ(captured[Kind::Record], 2 * enqueued[Kind::Record]) << "the inputs' for the fork's";
  for (int step = 0; step < 4; ++step) {
    std::vector<Seen> commands = enqueuedInStep(world);
    ASSERT_EQ(commands.size(), 5u);
    const std::pair<Kind, size_t> wanted[] = {{Kind::Copy, 12},
                                              {Kind::Record, 12},
                                              {Kind::Wait, 13},
                                              {Kind::Graph, 13},
                                              {Kind::Record, 13}};
    for (size_t i = 0; i < commands.size(); ++i) {
      EXPECT_EQ(commands[i].kind, wanted[i].first) << i;
      EXPECT_EQ(commands[i].queue, wanted[i].second) << i;
    }
    EXPECT_EQ(commands[2].mark, commands[1].mark);
  }
}

TEST_F(QueueExecution, GraphsInFlightComputeWhatStepsInTurnDo) {
  World::Options options;
  options.executor.graphs = true;
  // Inputs of the step behind have been copied before all of this one has run.
  expectThatStepsInFlightCompute({"0,policy=first", "0,policy=reverse", "0,policy=starve=0",
                                  "0,policy=starve=12", "1", "2,messages=eager",
                                  "3,messages=serialised"},
                                 options);
}

TEST_F(QueueExecution, GraphsNeedADeviceThatCaptures) {
  InertDevice inert;
  auto transport = makeLocalQueueTransport(inert);
  TestIo io;
  ExecutorOptions options;
  options.graphs = true;
  std::unique_ptr<QueueExecutor> executor;
  Status s = QueueExecutor::make({}, inert, *transport, io, options, executor);
  EXPECT_EQ(s.code(), Code::Usage);
  EXPECT_EQ(s.message(), "--cuda-graphs: device 'inert' captures no graphs; without it the step is "
                         "enqueued command by command");
}

// What the checker refuses: the last command does not wait for all streams.
TEST_F(QueueExecution, AStreamThatIsNotJoinedIsAnErrorOfTheCapture) {
  World::Options options = ranks([](uint32_t, Rank &rank) {
    rank.add(Comm, "alone", fill(arena(Messages, 0)));
    rank.add(Compute, "last", fill(arena(Gradients, 0)));
  });
  options.executor.graphs = true;
  World world(backend("1"), options);
  EXPECT_EQ(world.started.message(),
            "--cuda-graphs: the capture of queue 'steps of all ranks' ends without having waited "
            "for what was captured of queue 'rank 0, stream comm'");
}

TEST_F(QueueExecution, SeedsGiveManyOrders) {
  std::set<std::vector<size_t>> orders;
  for (int seed = 0; seed < 50; ++seed) {
    World world(backend(std::to_string(seed)), {});
    take();
    ASSERT_TRUE(world.step().ok());
    std::vector<size_t> order;
    for (const Seen &entry : take())
      if (entry.what == What::Ran)
        order.push_back(entry.queue);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 50u);
}

// Behind the last command that reads it, and not before: the step has the right result.
TEST_F(QueueExecution, WhatHasBeenReadForTheLastTimeIsSpoiled) {
  World world(backend("1"), {});
  ASSERT_TRUE(world.step().ok());
  std::vector<char> all = world.memory();
  size_t stash = 2 * kSlot, work = stash + 4 * kSlot, messages = work + 3 * kSlot;
  EXPECT_EQ(std::string(all.data() + stash, messages - stash),
            std::string(messages - stash, char(0xFF)));
}

// Each receives first what the other sends last.
TEST_F(QueueExecution, ProgramsWithoutACommonOrderAreRefused) {
  World world(backend("1"), ranks([](uint32_t r, Rank &rank) {
                rank.add(Comm, "take", exchange(receive(1 - r, 1 - r, arena(Messages, 0))));
                rank.add(Comm, "give", exchange(send(1 - r, r, arena(Messages, 1))));
              }));
  EXPECT_EQ(world.started.code(), Code::Artifact);
  EXPECT_EQ(world.started.message(),
            "the ranks' programs have no common order of communications:\n"
            "  rank 0 at 'take', receive of message 1 from rank 2 (64 bytes)\n"
            "  rank 1 at 'take', receive of message 1 from rank 3 (64 bytes)\n"
            "  rank 2 at 'take', receive of message 0 from rank 0 (64 bytes)\n"
            "  rank 3 at 'take', receive of message 0 from rank 1 (64 bytes)");
}

TEST_F(QueueExecution, AWaitForWhatComesLaterIsRefused) {
  World world(backend("1"), ranks([](uint32_t, Rank &rank) {
                uint32_t event = rank.event();
                rank.add(Comm, "early", fill(arena(Gradients, 0)), {event});
                rank.add(Compute, "late", fill(arena(Weights, 0)), {}, int32_t(event));
              }));
  EXPECT_EQ(world.started.message(), "rank 0: 'early' waits for what comes later in its program");
}

TEST_F(QueueExecution, AWaitThatIsImpliedNeedsNoEvent) {
  World world(backend("1"), ranks([](uint32_t, Rank &rank) {
                uint32_t first = rank.event(), second = rank.event();
                rank.add(Compute, "first", fill(arena(Gradients, 0)), {}, int32_t(first));
                rank.add(Compute, "same queue", fill(arena(Gradients, 0)), {first},
                         int32_t(second));
                rank.add(Comm, "another queue", fill(arena(Gradients, 0)), {second});
                rank.add(Comm, "has waited for more", fill(arena(Gradients, 0)), {first, second});
              }));
  int records = 0, waits = 0;
  for (const Seen &entry : enqueuedInStep(world)) {
    records += entry.kind == Kind::Record;
    waits += entry.kind == Kind::Wait;
  }
  // Of each of the four ranks: the begin, the second command, and the end for the host. All of
  // them wait for the inputs, to which step records belong.
  EXPECT_EQ(records, 4 * 3 + 1);
  EXPECT_EQ(waits, 4 * 3);
}

// A run's end is that of all its streams; whoever waits for it waits for each of them.
TEST_F(QueueExecution, TheEndOfARunIsAwaitedOnEachOfItsStreams) {
  World world(backend("1"), ranks([](uint32_t, Rank &rank) {
                fb::RunT run;
                run.block = ForwardBlock;
                run.operands = {arena(Messages, 0), arena(Weights, 0), arena(Messages, 2),
                                arena(Stash, 0)};
                run.operand_events = {-1, -1, -1, -1};
                run.result_events = {-1};
                run.streams = {Compute, Reduce};
                uint32_t end = rank.event();
                rank.add(Comm, "x", fill(arena(Messages, 0)));
                rank.add(Compute, "", std::move(run), {}, int32_t(end));
                rank.add(Comm, "", fb::JoinT(), {end});
              }));
  std::vector<Seen> step = enqueuedInStep(world);
  // Queues are those of rank 0 first: compute, comm, reduce.
  std::map<VirtualMark *, size_t> recordedOn;
  std::vector<size_t> awaited;
  for (const Seen &entry : step) {
    if (entry.queue > 2)
      continue;
    if (entry.kind == Kind::Record)
      recordedOn[entry.mark.get()] = entry.queue;
    else if (entry.kind == Kind::Wait && entry.queue == 1 && recordedOn.count(entry.mark.get()))
      awaited.push_back(recordedOn[entry.mark.get()]);
  }
  EXPECT_EQ(awaited, (std::vector<size_t>{0, 2}));
}
} // namespace
} // namespace dpcrt::test
