// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Training steps from their submission to their result, as many at one time as the device
// takes: one that takes orders has the next step before it is done with this one.
#pragma once
#include "session/Client.h"
#include <deque>

namespace dpcrt {

class StepsUnderWay {
public:
  struct Step {
    uint64_t number = 0, firstMicroBatch = 0;
    double learningRate = 0, dataWait = 0; // seconds
    // Stay until the result of the step behind it is asked for.
    std::vector<dpcrt_input> inputs;
  };

  // `limit`: at most so many at one time, and no more than the session takes.
  void open(dpcrt_session *session, Batches &batches, unsigned limit);

  bool empty() const { return steps.empty(); }
  bool full() const { return steps.size() >= depth; }
  // Reads the step's inputs and submits it; `step`: its numbers.
  Status submit(Step step, dpcrt_request request);
  // The first one's, which there must be; the values of its losses stay until the next take.
  Status take(Step &step, dpcrt_result &result);
  // Waits for all, whatever becomes of them.
  void drain();

private:
  dpcrt_session *session = nullptr;
  Batches *batches = nullptr;
  size_t depth = 1;
  std::deque<Step> steps;
  std::vector<float> losses, denominators;
};

} // namespace dpcrt
