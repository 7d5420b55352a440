// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every device and every transport must do, as tests over a pair of them. A
// new device or transport adds a Backend to the list in ConformanceTest.cpp, or a
// QueueBackend to that in QueueConformanceTest.cpp, and passes the same suite.
#pragma once
#include "../program/Builder.h"
#include "DeviceMemory.h"
#include "executor/QueueExecutor.h"
#include "executor/ThreadExecutor.h"
#include "transports/local/LocalTransport.h"
#include <array>
#include <deque>
#include <functional>
#include <gtest/gtest.h>

namespace dpcrt::test {

struct Backend {
  std::string name;
  std::function<std::unique_ptr<HostDevice>(unsigned threads)> device;
  std::function<std::unique_ptr<Transport>(HostDevice &, const Link &)> transport;
  // Whether ranks are in several processes: there is no replay of these, and no emulated link
  // between them.
  bool isSpread = false;
  // If so: what a process does whose step has failed, so that the others hear of it.
  std::function<void(Transport &, const Status &)> fail;
};

struct QueueBackend {
  std::string name;
  std::function<std::unique_ptr<QueueDevice>(unsigned threads)> device;
  std::function<std::unique_ptr<QueueTransport>(QueueDevice &)> transport;
  bool graphs = false; // steps are captured
  // Of a device that runs none of the CPU's kernels: makes those of kernels.c known to it.
  std::function<Status(Device &)> openKernels;
  // Whether it begins to run what is enqueued before it has been made ready.
  bool isAlwaysReady = false;
};

// Feeds micro-batch m of expert e with values drawn from (m, e, step).
class TestIo : public HostIo {
public:
  Status inputValues(uint32_t rank, uint32_t input, uint32_t microBatch, uint64_t bytes,
                     const void *&out) override;
  void *outputValues(uint32_t rank, uint32_t output, uint32_t microBatch, uint64_t &bytes) override;
  // The host's part of a header, and an entry that begins with the learning rate.
  const char *recordValues(uint32_t) override { return record.data(); }
  void takeHeader(const StepHeader &taken) override { headers.push_back(taken); }
  static float value(uint32_t step, uint32_t microBatch, uint32_t expert, uint64_t index);
  uint32_t step = 0;   // that begins, or has
  uint32_t ending = 1; // whose outputs come next
  int failAt = -1;     // micro-batch whose feed is an error
  bool throws = false; // it throws as an allocation does, instead
  std::atomic<int> fetched{0};
  std::vector<char> record =
      std::vector<char>(sizeof(StepHeader) - kHostHeader + sizeof(StepEntry));
  std::vector<StepHeader> headers; // one for each step
  // All outputs of all steps so far.
  std::vector<char> outputs();

private:
  std::mutex mutex;                      // guards what follows
  std::deque<std::vector<float>> values; // of all inputs of all steps
  // Outputs, by step, rank, number and micro-batch.
  std::map<std::array<uint32_t, 4>, std::vector<char>> received;
};

// The programs of Builder.h's pipeline on a backend.
class World {
public:
  struct Options {
    uint32_t ranks = 2, microBatches = 4;
    unsigned threads = 2;
    Link link;
    ExecutorOptions executor;
    int withoutRank = -1; // a rank whose threads never come
    bool isReady = true;  // else the device is not made ready to run anything
    // Programs in place of the pipeline's, as many as there are ranks, that the checker
    // need not accept.
    std::function<Programs()> make;
    // Changes the programs into some that the checker need not accept.
    std::function<void(Programs &)> change;
  };
  World(const Backend &backend, const Options &options);
  World(const QueueBackend &backend, const Options &options);
  Status step() {
    Status s = submit();
    return s.ok() ? finish() : s;
  }
  Status submit();
  Status finish();
  // Weights of (pp, expert), 16 floats.
  std::vector<float> weights(uint32_t pp, uint32_t expert);
  std::vector<char> memory(); // all arenas of all ranks, one after the other
  std::vector<char> kept();   // those that hold something between steps
  static float initialWeight(uint32_t pp, uint32_t expert, uint64_t index);

  static constexpr uint32_t experts = 2;
  static constexpr float lr = 0.125f;
  std::unique_ptr<Device> device;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<QueueTransport> queueTransport;
  TestIo io;
  Status started;
  std::unique_ptr<Executor> executor; // null if it could not be made
  StepTimes times;
  std::vector<StreamSpans> spans;
  bool isTraced = true; // steps from now on

private:
  static Status openCpuKernels(Device &device);
  std::vector<std::unique_ptr<RankPlan>>
  load(const Options &options, const std::function<Status(Device &)> &openKernels = openCpuKernels);
  std::vector<char> bytesOf(bool idleToo);

  std::function<void(Transport &, const Status &)> fail; // the backend's
  std::vector<ProgramFile> programs;
  std::vector<std::vector<ArenaMemory>> arenas;
};

// Has forward blocks say twice what one command of theirs completes, as a kernel of two
// outputs does, and has the sends wait for the second of the two events.
void giveForwardsTwoResultsOfOneCommand(Programs &programs);

// A collective among ranks 1, 3, 5 and so on, whose values tell where they come from.
class CollectiveCase {
public:
  CollectiveCase(Device &device, fb::CollectiveKind kind, uint32_t members, bool inPlace);
  // With every kind, one to four members, and in place where that may be.
  static void
  each(const std::function<void(fb::CollectiveKind kind, uint32_t members, bool inPlace)> &test);
  void check(Device &device) const;

  std::vector<CollectiveSpec> specs; // by member
  std::vector<uint32_t> ranks;

private:
  float wanted(uint32_t member, size_t element) const;

  static constexpr size_t part = 5000;
  std::vector<std::vector<float>> src;
};

// That the transports which `make` makes refuse messages whose ends do not meet.
template <typename Operation, typename Make>
void expectThatWhatDoesNotMeetIsRefused(Device &device, Make make) {
  DeviceAddress data = onDevice(device, std::vector<float>(4));
  Operation *out = nullptr;
  {
    auto t = make();
    ASSERT_TRUE(t->addExchange(0, {{true, 1, 7, data, 16, nullptr}}, out).ok());
    Status s = t->finishPreparation();
    EXPECT_NE(s.message().find("message 7 from rank 0 to rank 1 is never received"),
              std::string::npos)
        << s.message();
  }
  {
    auto t = make();
    ASSERT_TRUE(t->addExchange(0, {{true, 1, 7, data, 16, nullptr}}, out).ok());
    ASSERT_TRUE(t->addExchange(1, {{false, 0, 7, data, 12, nullptr}}, out).ok());
    EXPECT_EQ(t->finishPreparation().code(), Code::Artifact);
  }
}

// The pipeline's arithmetic, one loop after the other.
class PipelineReference {
public:
  PipelineReference(uint32_t ranks, uint32_t microBatches);
  void step(uint32_t number);
  std::vector<std::vector<std::vector<double>>> weights; // [pp][expert][16]

private:
  uint32_t ranks, microBatches;
};

} // namespace dpcrt::test
