// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Drives a device that is the host itself: one thread per stream of a rank, which live
// as long as the executor and sleep between steps.
#pragma once
#include "executor/Walker.h"
#include <mutex>
#include <thread>

namespace dpcrt {

class ThreadExecutor : public Executor {
public:
  // Takes the plans of all ranks, in order of rank. Nothing runs before start().
  ThreadExecutor(std::vector<std::unique_ptr<ThreadPlan>> plans, HostDevice &device,
                 Transport &transport, HostIo &io, const ExecutorOptions &options);
  ~ThreadExecutor() override;

  // Starts the threads; those that a failure left over are ended again.
  Status start();

  unsigned stepsInFlight() const override { return 1; }
  Status submit(bool traced) override;
  Status finish(StepTimes &times, std::vector<StreamSpans> &trace) override;
  const RankPlan &plan(size_t rank) const override { return *plans[rank]->plan; }

  // Ends the step under way, and all later ones, with this error if there was none before; by
  // any thread.
  void fail(const Status &cause);
  bool isRunning() const { return running.load() > 0; } // a step; by any thread
  // What every stream is doing, a line each, for messages about a hang; by any thread.
  std::string describe() const;

private:
  Status writeRecords();
  Status giveHeader();
  Status runSequentially();
  Status waitForThreads();
  WalkResult walk(Walker &walker);
  void threadMain(size_t walker);
  void stopThreads();

  std::vector<std::unique_ptr<ThreadPlan>> plans;
  HostDevice &device;
  Transport &transport;
  HostIo &io;
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
