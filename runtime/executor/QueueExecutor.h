// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Drives a device that takes orders. The thread that submits a step enqueues it for all
// ranks, from a tape that was made at load, and waits for nothing; finish() waits for the
// ends of the ranks' steps. A step may be submitted while the one before runs: whatever the
// host touches or looks at has a set for each of two steps in turn (Tape.h). If it is asked to,
// it captures the tape for each set and launches it as a graph (QueueGraphs.cpp).
//
// Idle times are known of steps that are traced (QueueTrace.h).
#pragma once
#include "executor/Executor.h"
#include "executor/QueueTrace.h"

namespace dpcrt {

class QueueExecutor : public Executor {
public:
  // Takes the plans of all ranks, in order of rank, and adds their operations to the
  // transport, all of whose operations they are.
  static Status make(std::vector<std::unique_ptr<RankPlan>> plans, QueueDevice &device,
                     QueueTransport &transport, HostIo &io, const ExecutorOptions &options,
                     std::unique_ptr<QueueExecutor> &out);

  unsigned stepsInFlight() const override { return kInFlight; }
  Status submit(bool traced) override;
  Status finish(StepTimes &times, std::vector<StreamSpans> &trace) override;
  const RankPlan &plan(size_t rank) const override { return *plans[rank]; }
  const Tape &steps() const { return tape; }

private:
  QueueExecutor(std::vector<std::unique_ptr<RankPlan>> plans, QueueDevice &device,
                QueueTransport &transport, HostIo &io, const ExecutorOptions &options)
      : plans(std::move(plans)), device(device), transport(transport), io(io), options(options) {}

  static constexpr unsigned kInFlight = 2;
  // What is different in a step from the one before and the one behind.
  struct Set {
    std::vector<std::unique_ptr<Event>> events, ends; // by the tape's numbers
    std::unique_ptr<Event> inputs;                    // are in device memory
    DeviceAddress hostInputs, inputsOnDevice, hostOutputs;
    int64_t begin = 0; // of the step, by the host's clock
    bool isTraced = false;
    std::unique_ptr<QueueTrace> trace; // once a step was
    // With graphs: the step's, what is recorded behind it, and whether the step is one.
    std::unique_ptr<Graph> graph;
    std::unique_ptr<Event> end;
    bool isGraph = false;

    // What the host waits for.
    std::vector<Event *> awaited() const;
  };

  Status prepare();
  Status makeSet(Set &set);
  Status takeInputs(Set &set);
  Status giveOutputs(const Set &set);
  Status enqueueStep(Set &set);
  Status captureSteps();
  Status captureStep(Set &set);
  // With graphs. `before`: the step before, or null.
  Status launchStep(Set &set, const Set *before);
  Status followGraph(const Set *before); // before a step is enqueued that is none
  Status enqueue(const TapeEntry &entry, Set &set);
  Status waitForEnds(Set &set);
  static size_t recordsPassed(const Set &set);
  std::string describeHang(const Set &set) const;
  std::string describe(const TapeEntry *entry) const;
  Set &setOf(uint32_t number) { return sets[number % kInFlight]; }
  // What an error happened in; `command`: as the tape has it.
  Status within(uint32_t rank, const PlannedCommand *command, const Status &status) const;

  std::vector<std::unique_ptr<RankPlan>> plans;
  QueueDevice &device;
  QueueTransport &transport;
  HostIo &io;
  ExecutorOptions options;
  Tape tape;
  std::vector<const RankPlan *> planOf; // by queue
  std::vector<QueueOperation *> operations;
  Set sets[kInFlight]; // their events outlive the queues that wait for them
  std::vector<std::unique_ptr<Queue>> queues;
  std::unique_ptr<Queue> inputQueue, origin;
  uint32_t submitted = 0, finished = 0; // steps
  int64_t lastEnd = 0;
  Status cause; // of the first failure
};

} // namespace dpcrt
