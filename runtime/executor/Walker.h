// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Walks one stream of one rank through a step. The same walk serves a thread that
// sleeps where it must wait and the sequential replay that goes on with another
// stream instead.
#pragma once
#include "executor/Executor.h"
#include "executor/ThreadPlan.h"
#include <array>

namespace dpcrt {

enum class WalkResult { Finished, OnStamp, OnOperation, Failed };

class Walker {
public:
  Walker(ThreadPlan &plan, uint32_t stream, HostDevice &device, HostIo &io,
         const std::atomic<bool> &aborted);

  void begin(uint32_t step);
  // Goes on until the stream's end or something that is not there yet. Gives the
  // lane back before it returns.
  WalkResult walk();
  // Sleeps until what walk() returned for may have come.
  void sleep(WalkResult reason);

  const Status &failure() const { return status; }
  // Changes whenever a command has been done.
  uint64_t progress() const { return done.load(std::memory_order_relaxed); }
  bool atEnd() const { return item.load(std::memory_order_relaxed) >= stream.items.size(); }
  bool waiting() const { return isWaiting.load(std::memory_order_relaxed); }
  // Of the operation that it stands at: when time alone moves it on (Transport.h).
  int64_t movesAt() const {
    Operation *operation = blockedOperation.load();
    return operation ? operation->movesAt() : noDeadline;
  }
  // Where it stands, for messages about a hang; from any thread.
  std::string describe() const;

  // Times of the step, read when it is over.
  int64_t waitedForMessages = 0, waitedForCore = 0, finishedAt = 0;
  std::vector<Span> *spans = nullptr; // null: no trace
  const RankPlan &rankPlan() const { return plan; }
  const PlannedStream &plannedStream() const { return stream; }

private:
  bool ready(const PlannedCommand &command, const Frame &frame);
  WalkResult perform(const PlannedCommand &command, const Frame &frame);
  WalkResult act(const PlannedCommand &command, const Frame &frame);
  void compute(const PlannedCommand &command, const Frame &frame);
  void finishRun(PlannedRun &run, const PlannedCommand &command);

  RankPlan &plan;
  Stamp *const stamps;
  Operation *const *const operations;
  PlannedStream &stream;
  HostDevice &device;
  HostIo &io;
  const std::atomic<bool> &aborted;
  std::unique_ptr<Lane> lane;
  Status status;

  uint32_t step = 0;
  std::atomic<size_t> item{0}, inner{0};
  bool entered = false;    // the item's own waits are over
  bool innerReady = false; // those of the block's command
  bool started = false;    // the operation has been started
  int64_t runBegan = 0;
  Stamp *blockedStamp = nullptr;
  std::atomic<Operation *> blockedOperation{nullptr};
  const PlannedCommand *blockedCommand = nullptr;
  std::atomic<uint64_t> done{0};
  std::atomic<bool> isWaiting{false};
  std::array<DeviceAddress, kMaxKernelBuffers> arguments; // of the command under way
};

} // namespace dpcrt
