// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An event of the driver's, and what it does not say: who recorded it last, and whether that was
// inside of a capture.
#pragma once
#include "devices/Queue.h"
#include "devices/cuda/Clock.h"
#include "devices/virtual/Captures.h"

namespace dpcrt::cuda {

class CudaEvent : public Event {
public:
  // Where that fails, the context has failed.
  CudaEvent(Context &context, Clock &clock, bool timed);
  ~CudaEvent() override;

  bool fired() override;
  Status wait(int64_t deadline) override;
  int64_t time() const override;

  // Before it is recorded, outside of a capture or inside, by a queue whose name stays.
  void mark(const std::string &queue);
  bool isRecorded() const { return by.load(std::memory_order_acquire) != nullptr; }

  CUevent handle = nullptr;
  CaptureRecord record;

private:
  // What a look at it comes to; `over`: whether it has fired.
  Status look(bool &over);

  Context &context;
  Clock &clock;
  const bool timed;
  std::atomic<const std::string *> by{nullptr};
  int64_t recordedAt = 0;     // if it is timed
  size_t base = Clock::kNone; // as well
};

} // namespace dpcrt::cuda
