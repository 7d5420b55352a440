// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The GPU's context, which everything of a device lives in and which goes last, and the first
// error that came up in it: behind an error of a command the driver gives no other answer, and so
// does the device.
#pragma once
#include "devices/cuda/Cuda.h"
#include <atomic>
#include <memory>
#include <mutex>

namespace dpcrt::cuda {

class Context {
public:
  // The primary one, which other libraries of the process use too.
  static Status make(const Cuda &cuda, std::unique_ptr<Context> &out);
  ~Context();

  // Makes it the calling thread's context, and afterwards that which was before.
  class Use {
  public:
    explicit Use(const Context &context) : driver(context.driver) {
      driver.cuCtxPushCurrent_v2(context.handle);
    }
    ~Use() {
      CUcontext popped;
      driver.cuCtxPopCurrent_v2(&popped);
    }
    Use(const Use &) = delete;

  private:
    const Driver &driver;
  };

  // What a call into the driver came to, `during` of which words say.
  Status check(CUresult result, const std::string &during) const;

  // The first error is kept, and is what all commands from then on come to.
  Status fail(const Status &status);
  bool hasFailed() const { return failing.load(std::memory_order_acquire); }
  Status failure() const {
    std::lock_guard<std::mutex> lock(mutex);
    return first;
  }

  // Sleeps until the stream is empty, or has failed. False after a second: then something hangs on
  // the GPU, nothing is given back, and the end of the process cleans up.
  bool drain(CUstream stream);
  bool isAbandoned() const { return abandoned; }

  const Driver &driver;
  const Gpu &gpu;
  int greatestPriority = 0, leastPriority = 0; // of streams; greater ones are smaller numbers

private:
  Context(const Cuda &cuda) : driver(cuda.driver), gpu(cuda.gpu) {}

  CUcontext handle = nullptr;
  bool abandoned = false;
  std::atomic<bool> failing{false};
  mutable std::mutex mutex; // guards what follows
  Status first;
};

// Sleeps between looks at the GPU, which no call waits for with a deadline: short ones first, for
// what is looked for is mostly near, then longer by half each up to a millisecond, at which looks
// take less than a hundredth of a core.
class Pauses {
public:
  // No longer than until the deadline, of the monotonic clock.
  void sleep(int64_t deadline);

private:
  unsigned looks = 0;
  int64_t length = 20'000;
};

} // namespace dpcrt::cuda
