// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Times of the GPU on the host's monotonic clock. The GPU says only how long it took from one event
// to another, in milliseconds as a float, and its clock drifts against the host's: so there is a
// base, an event that was passed at a known time, and every few seconds a new one. A base is
// recorded without waiting for it. Its time is what the base before says, held between the
// moments at which the host recorded it and saw that it had been passed.
#pragma once
#include "devices/cuda/Context.h"
#include <array>

namespace dpcrt::cuda {

class Clock {
public:
  // A float of four seconds in milliseconds is exact to a quarter of a microsecond, and clocks
  // drift apart by less than a millisecond in that time.
  explicit Clock(Context &context, int64_t nextBaseNs = 4'000'000'000)
      : context(context), nextBaseNs(nextBaseNs) {}
  ~Clock();
  // Makes all events, and waits for the first base.
  Status start();

  // Of a timed event that is about to be recorded: the base that it is to be measured from, in the
  // place of the one that it had. Perhaps records the next base; waits for nothing.
  size_t take(size_t before);
  // Of an event that ends.
  void giveBack(size_t base);
  // Whether the next base has been passed, which is then taken from now on. Between steps, so that
  // the events of a step have one base.
  void look();

  // When an event was passed that has been. Not before `recorded` nor later than now.
  int64_t timeOf(CUevent event, size_t base, int64_t recorded) const;

  static constexpr size_t kNone = SIZE_MAX;

private:
  struct Base {
    CUevent event = nullptr;
    int64_t time = 0;
    size_t uses = 0; // events that are measured from it
  };

  Context &context;
  const int64_t nextBaseNs; // how long one is used
  CUstream stream = nullptr;
  mutable std::mutex mutex;  // guards what follows
  std::array<Base, 8> bases; // long steps use several; no more are taken than there are
  size_t current = 0;
  size_t next = kNone; // recorded, and not known to be passed
  int64_t nextRecorded = 0;
};

} // namespace dpcrt::cuda
