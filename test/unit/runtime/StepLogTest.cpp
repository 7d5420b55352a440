// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a session of four ranks asks of a device that takes orders, recorded below the
// interface over five steps, of which two are under way at a time.
#include "TinyArtifact.h"
#include "data/Init.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/cpu/CpuFeatures.h"
#include "devices/virtual/VirtualDevice.h"
#include "session/Artifact.h"
#include "session/Session.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>

namespace dpcrt::test {
namespace {
using What = VirtualEntry::What;
using Kind = VirtualCommand::Kind;

struct Logged {
  What what;
  std::thread::id thread;
  int submission = 0; // of a step, while it is made; 0 outside
  // Of a command.
  uint64_t sequence = 0;
  Kind kind = Kind::Wait;
  size_t queue = 0;
  std::vector<DeviceAddress> buffers;
  std::shared_ptr<VirtualMark> mark;
};
std::vector<Logged> *logged; // of the one device of a test
int submission;

const DeviceKind watched{"watched", "cpu", checkCpuFeatures,
                         [](unsigned threads, std::unique_ptr<Device> &out) {
                           auto device = makeVirtualDevice(makeCpuDevice(threads));
                           device->watch([](const VirtualEntry &entry) {
                             Logged now{entry.what, entry.thread, submission};
                             if (const VirtualCommand *command = entry.command) {
                               now.sequence = command->sequence;
                               now.kind = command->kind;
                               now.queue = command->queue;
                               now.buffers = command->buffers;
                               now.mark = command->mark;
                             }
                             logged->push_back(std::move(now));
                           });
                           out = std::move(device);
                           return Status();
                         }};

class StepLog : public testing::Test {
protected:
  explicit StepLog(bool graphs = false) : graphs(graphs) {}
  static constexpr int kSteps = 5;

  void SetUp() override {
    dir = temporaryDirectory("step-log");
    writeTinyArtifact(dir + "/m.dpc", {4, 4});
    auto artifact = std::make_shared<Artifact>();
    ASSERT_TRUE(openArtifact(dir + "/m.dpc", *artifact).ok());
    SessionOptions options;
    options.kind = &watched;
    options.seedOrder = "7";
    options.graphs = graphs;
    logged = &log;
    submission = 0;
    std::unique_ptr<Session> session;
    Status s = Session::create(artifact, options, session);
    ASSERT_TRUE(s.ok()) << s.message();
    log.clear(); // of what was loaded
    std::vector<float> x(64), t(64);
    for (uint64_t i = 0; i < 64; ++i) {
      x[i] = float(randomNormal(1, "x", i));
      t[i] = float(std::fabs(randomNormal(1, "t", i)));
    }
    std::vector<InputData> inputs = {{"x", reinterpret_cast<const char *>(x.data()), 256, false},
                                     {"t", reinterpret_cast<const char *>(t.data()), 256, false}};
    StepRequest request;
    request.lr = 0.01;
    for (int step = 1; step <= kSteps + 1; ++step) {
      if (step <= kSteps) {
        submission = step;
        s = session->submit(inputs, request);
        ASSERT_TRUE(s.ok()) << s.message();
        submission = 0;
      }
      if (step == 1)
        continue;
      StepResult result;
      s = session->result(result);
      ASSERT_TRUE(s.ok()) << s.message();
    }
    for (const Logged &entry : log)
      if (entry.what == What::Enqueued)
        steps[entry.submission].push_back(&entry);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }

  // When a command has run.
  const Logged *ranAt(const Logged *command) const {
    auto ran = std::find_if(log.begin(), log.end(), [&](const Logged &entry) {
      return entry.what == What::Ran && entry.sequence == command->sequence;
    });
    EXPECT_NE(ran, log.end());
    return ran == log.end() ? nullptr : &*ran;
  }

  const bool graphs;
  std::string dir;
  std::vector<Logged> log;
  std::map<int, std::vector<const Logged *>> steps; // what each has enqueued
};

TEST_F(StepLog, OneThreadEnqueuesAllAndOutsideOfStepsNothing) {
  ASSERT_EQ(steps.size(), size_t(kSteps));
  for (auto &[step, commands] : steps) {
    EXPECT_GE(step, 1);
    EXPECT_GT(commands.size(), 100u);
    for (const Logged *command : commands)
      EXPECT_EQ(command->thread, std::this_thread::get_id());
  }
}

TEST_F(StepLog, TheHostDoesNothingElseBetweenAStepsFirstCommandAndItsLast) {
  for (auto &[step, commands] : steps)
    for (const Logged *entry = commands.front(); entry <= commands.back(); ++entry)
      ASSERT_EQ(entry->what, What::Enqueued) << "step " << step;
}

TEST_F(StepLog, AStepIsEnqueuedWhileTheOneBeforeRuns) {
  for (int step = 1; step < kSteps; ++step) {
    const Logged *end = ranAt(steps[step].back());
    ASSERT_TRUE(end);
    EXPECT_LT(steps[step + 1].back(), end) << "step " << step + 1;
  }
}

TEST_F(StepLog, EverySecondStepHasTheSameCommandsAndAddresses) {
  for (int step = 1; step + 2 <= kSteps; ++step) {
    const auto &one = steps[step], &other = steps[step + 2];
    ASSERT_EQ(one.size(), other.size());
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_TRUE(one[i]->kind == other[i]->kind && one[i]->queue == other[i]->queue &&
                  one[i]->buffers == other[i]->buffers)
          << "step " << step << ", command " << i;
  }
}

TEST_F(StepLog, EventsAreAwaitedOnOtherQueuesOnly) {
  std::map<const VirtualMark *, size_t> recordedOn;
  size_t waits = 0;
  for (auto &[step, commands] : steps)
    for (const Logged *command : commands) {
      if (command->kind == Kind::Record)
        recordedOn[command->mark.get()] = command->queue;
      if (command->kind != Kind::Wait)
        continue;
      ASSERT_TRUE(command->mark);
      auto record = recordedOn.find(command->mark.get());
      ASSERT_NE(record, recordedOn.end());
      EXPECT_NE(record->second, command->queue) << "step " << step;
      ++waits;
    }
  EXPECT_GT(waits, size_t(kSteps) * 20);
}

class StepGraphLog : public StepLog {
protected:
  StepGraphLog() : StepLog(true) {}
};

// The copy of the inputs and its record on one queue; the wait for that, the graph and the record
// of the end on another.
TEST_F(StepGraphLog, AStepIsOneLaunchAndNoOtherCommandButForItsInputs) {
  ASSERT_EQ(steps.size(), size_t(kSteps));
  const std::vector<Kind> wanted = {Kind::Copy, Kind::Record, Kind::Wait, Kind::Graph,
                                    Kind::Record};
  for (auto &[step, commands] : steps) {
    EXPECT_GE(step, 1);
    std::vector<Kind> kinds;
    for (const Logged *command : commands) {
      kinds.push_back(command->kind);
      EXPECT_EQ(command->thread, std::this_thread::get_id());
    }
    ASSERT_EQ(kinds, wanted) << "step " << step;
    EXPECT_NE(commands[1]->queue, commands[2]->queue);
    EXPECT_EQ(commands[2]->queue, commands[4]->queue);
  }
}

TEST_F(StepGraphLog, NothingIsCapturedInASession) {
  for (const Logged &entry : log)
    EXPECT_NE(entry.what, What::Captured);
}

TEST_F(StepGraphLog, AStepIsLaunchedWhileTheOneBeforeRuns) {
  for (int step = 1; step < kSteps; ++step) {
    const Logged *over = ranAt(steps[step][3]), *next = ranAt(steps[step + 1][3]);
    ASSERT_TRUE(over && next);
    EXPECT_LT(steps[step + 1].back(), over) << "step " << step + 1;
    EXPECT_LT(over, next);
    // And runs when that is over: until then, of all that was enqueued with it and behind it, at
    // most its inputs are copied.
    for (const Logged *entry = log.data(); entry < over; ++entry)
      if (entry->what == What::Ran)
        EXPECT_LT(entry->sequence, steps[step + 1][2]->sequence);
  }
}
} // namespace
} // namespace dpcrt::test
