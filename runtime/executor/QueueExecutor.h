// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Drives a device that takes orders. The thread that submits a step enqueues it for all
// ranks, from a tape that was made at load, and waits for nothing; finish() waits for the
// ends of the ranks' steps. Inputs go into the host's staging memory at submit, and from
// there by the queues of their commands; outputs come back the same way. There are two
// sets of that memory, for steps in turn.
//
// A step's spans and idle time are not known: that takes a device that times its commands.
#pragma once
#include "executor/Executor.h"
#include "executor/Tape.h"

namespace dpcrt {

class QueueExecutor : public Executor {
public:
  // Takes the plans of all ranks, in order of rank, and adds their operations to the
  // transport, all of whose operations they are.
  static Status make(std::vector<std::unique_ptr<RankPlan>> plans, QueueDevice &device,
                     QueueTransport &transport, HostIo &io, const ExecutorOptions &options,
                     std::unique_ptr<QueueExecutor> &out);

  Status submit(bool traced) override;
  Status finish(StepTimes &times, std::vector<StreamSpans> &trace) override;
  const RankPlan &plan(size_t rank) const override { return *plans[rank]; }
  const Tape &steps() const { return tape; }

private:
  QueueExecutor(std::vector<std::unique_ptr<RankPlan>> plans, QueueDevice &device, HostIo &io,
                const ExecutorOptions &options)
      : plans(std::move(plans)), device(device), io(io), options(options) {}

  Status prepare(QueueTransport &transport);
  Status takeInputs();
  Status giveOutputs();
  Status enqueueStep();
  Status enqueue(const TapeEntry &entry);
  Status waitForEnds();
  size_t recordsPassed() const;
  std::string describeHang() const;
  std::string describe(const TapeEntry *entry) const;
  DeviceAddress staging(const TapeEntry &entry) const {
    return stagingMemory + (step % 2) * tape.stagingBytes + entry.staging;
  }
  // What an error of an entry happened in.
  Status within(const TapeEntry &entry, const Status &status) const;

  std::vector<std::unique_ptr<RankPlan>> plans;
  QueueDevice &device;
  HostIo &io;
  ExecutorOptions options;
  Tape tape;
  std::vector<const RankPlan *> planOf; // by queue
  std::vector<QueueOperation *> operations;
  std::vector<std::unique_ptr<Event>> events; // outlive the queues that wait for them
  std::vector<std::unique_ptr<Queue>> queues;
  std::vector<const TapeEntry *> feeds, fetches;
  DeviceAddress stagingMemory;
  uint32_t step = 0;
  StepTimes stepTimes;
  Status cause; // of the first failure
};

} // namespace dpcrt
