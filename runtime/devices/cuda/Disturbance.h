// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What --seed-order asks of a GPU. It takes its commands in an order of its own, which nobody
// chooses; but commands can be late, each by a time drawn from a seed, and all queues can be one.
// Neither may change a bit: where it does, something is not ordered that should be.
#pragma once
#include "program/format/Status.h"
#include <cstdint>

namespace dpcrt::cuda {

class Disturbance {
public:
  // "N", or "N,policy=late", the same, or "N,policy=serial". Errors have code Usage.
  static Status parse(const std::string &text, Disturbance &out);

  // Whether all queues are one stream, in which commands run in the order in which they are
  // enqueued. Then none is late.
  bool isSerial() const { return serial; }
  // For how long, in nanoseconds, a queue is to stand still before its next command: null where it
  // is not. What is pointed to stays, and is what standStill() is called with.
  const int64_t *drawLateness();
  // A host function of the driver's (CUhostFn).
  static void standStill(void *lateness);

private:
  bool serial = false, late = false;
  uint64_t state = 0;
};

} // namespace dpcrt::cuda
