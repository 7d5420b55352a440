// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs an entry point on all ranks of this process, a step at a time. How depends on how
// the device is driven: ThreadExecutor.h where it is the host itself, QueueExecutor.h where
// it takes orders.
#pragma once
#include "executor/Plan.h"
#include "executor/Spans.h"
#include "program/format/StepRecord.h"
#include <functional>

namespace dpcrt {

struct TaskTimes;

struct ExecutorOptions {
  int64_t timeoutNs = 300'000'000'000; // without any progress; 0: for ever
  // One thread takes all streams in turn, in an order that depends on the program
  // alone: the replay that runs are compared with.
  bool sequential = false;
  const TaskTimes *times = nullptr; // for devices of given times
  // What the streams of other processes are doing, lines like describe()'s; null: there are none.
  std::function<std::string()> describeOthers;
  // A step is captured once and launched as one graph, on devices that capture (Queue.h).
  bool graphs = false;
};

struct StepTimes {
  int64_t begin = 0, end = 0;
  // Per rank: part of the step in which its compute stream had nothing to compute,
  // not counting waits for a core. Empty where it is not known.
  std::vector<double> bubble;
};

// Where inputs come from and outputs go, in the host's memory; called by whatever
// threads execute a step. What is given is used until the end of the step where one step
// may be under way, else until submit() returns.
class HostIo {
public:
  virtual ~HostIo();
  // The rank's step record, as its plan's image of it has it.
  virtual const char *recordValues(uint32_t rank) = 0;
  // The header of the first rank's step record, as the step that has ended left it.
  virtual void takeHeader(const StepHeader &header) = 0;
  virtual Status inputValues(uint32_t rank, uint32_t input, uint32_t microBatch, uint64_t bytes,
                             const void *&out) = 0;
  // `bytes`: what there is, made what is taken.
  virtual void *outputValues(uint32_t rank, uint32_t output, uint32_t microBatch,
                             uint64_t &bytes) = 0;
};

class Executor {
public:
  virtual ~Executor();

  // Steps that may have begun and not been finished at one time.
  virtual unsigned stepsInFlight() const = 0;
  // Begins a step and returns; `traced`: note what every stream does.
  virtual Status submit(bool traced) = 0;
  // Waits for the end of the first step that was not finished yet. After an error the executor
  // cannot be used again; the error is the root cause's. `trace`: where the notes of a traced step
  // are appended.
  virtual Status finish(StepTimes &times, std::vector<StreamSpans> &trace) = 0;

  virtual const RankPlan &plan(size_t rank) const = 0;
};

} // namespace dpcrt
