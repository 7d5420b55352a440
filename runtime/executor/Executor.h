// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs an entry point on all ranks of this process: one thread per stream of a
// rank, which live as long as the executor and sleep between steps.
#pragma once
#include "executor/Walker.h"
#include <mutex>
#include <thread>

namespace dpcrt {

struct ExecutorOptions {
  int64_t timeoutNs = 300'000'000'000; // without any progress; 0: for ever
  // One thread takes all streams in turn, in an order that depends on the program
  // alone: the replay that runs are compared with.
  bool sequential = false;
};

struct StepTimes {
  int64_t begin = 0, end = 0;
  // Per rank: part of the step in which its compute stream had nothing to compute,
  // not counting waits for a core.
  std::vector<double> bubble;
};

class Executor {
public:
  // Takes the plans of all ranks, in order of rank. Nothing runs before start().
  Executor(std::vector<std::unique_ptr<RankPlan>> plans, HostDevice &device, Transport &transport,
           HostIo &io, const ExecutorOptions &options);
  ~Executor();

  // Starts the threads; those that a failure left over are ended again.
  Status start();

  // Begins a step and returns; `traced`: note what every stream does.
  Status submit(bool traced);
  // Waits for the step's end. After an error the executor cannot be used again; the
  // error is the root cause's. `trace`: where the notes of a traced step are appended.
  Status finish(StepTimes &times, std::vector<StreamSpans> &trace);

  RankPlan &plan(uint32_t rank) { return *plans[rank]; }

private:
  Status runSequentially();
  Status waitForThreads();
  WalkResult walk(Walker &walker);
  void threadMain(size_t walker);
  void stopThreads();
  void fail(const Status &cause);
  std::string describeHang() const;

  std::vector<std::unique_ptr<RankPlan>> plans;
  Transport &transport;
  ExecutorOptions options;
  std::vector<std::unique_ptr<Walker>> walkers;
  std::vector<std::thread> threads;
  uint32_t step = 0;
  StepTimes stepTimes;
  std::vector<StreamSpans> stepSpans; // of the step under way; empty: not traced
  Bell go, finished;
  std::atomic<uint32_t> current{0}; // the step that threads are to run
  std::atomic<size_t> running{0};
  std::atomic<bool> aborted{false}, stopping{false};
  std::mutex mutex; // guards cause
  Status cause;
};

} // namespace dpcrt
