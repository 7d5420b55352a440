// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues and events as times.
#include "devices/virtual/ClockDevice.h"
#include "devices/Wait.h"
#include <algorithm>
#include <atomic>
#include <cstring>

namespace dpcrt {

HostClock::~HostClock() = default;

namespace {
class MonotonicClock : public HostClock {
public:
  int64_t now() override { return nowNs(); }
  void sleepUntil(int64_t time) override {
    timespec until{time_t(time / 1'000'000'000), long(time % 1'000'000'000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
  }
};

class TimedEvent : public Event {
public:
  explicit TimedEvent(HostClock &clock) : clock(clock) {}

  bool fired() override { return firesAt <= clock.now(); }
  Status wait(int64_t deadline) override {
    int64_t until = std::min<int64_t>(firesAt, deadline);
    if (until > clock.now())
      clock.sleepUntil(until);
    return {};
  }

  int64_t time() const override { return firesAt; }

  // When the latest record is passed; the host may look while another thread enqueues.
  std::atomic<int64_t> firesAt{0};

private:
  HostClock &clock;
};

// Of all kernels and calls: nothing of them is needed.
class NamedLaunch : public PreparedLaunch {};
class NamedCall : public PreparedCall {};

class ClockDevice : public QueueDevice, public GivenTimes {
public:
  explicit ClockDevice(HostClock &clock) : clock(clock) {}

  const char *name() const override { return "virtual"; }
  Status chooseOrder(const std::string &text) override {
    return error(Code::Usage, "--seed-order ", text,
                 ": with --virtual-clock times alone say what comes first; without it "
                 "--device virtual draws an order");
  }

  Status allocate(uint64_t bytes, MemoryKind, DeviceAddress &out) override {
    uint64_t whole = (bytes + 63) / 64 * 64;
    if (whole < bytes || whole > UINT64_MAX - next)
      return error(Code::OutOfMemory, bytes, " bytes are more than there are addresses");
    out = DeviceAddress() + next;
    next += std::max<uint64_t>(whole, 64);
    return {};
  }
  Status upload(DeviceAddress, const void *, uint64_t) override { return {}; }
  Status download(void *dst, DeviceAddress, uint64_t bytes) override {
    std::memset(dst, 0, bytes);
    return {};
  }
  Status openKernels(const std::string &, KernelTable, const std::vector<std::string> &) override {
    return {};
  }
  Status prepareLaunch(const fb::Kernel &, const PreparedLaunch *&out) override {
    out = &launch;
    return {};
  }
  Status prepareCall(const fb::LibraryCall &, const PreparedCall *&out) override {
    out = &call;
    return {};
  }
  Status finishPreparation() override { return {}; }
  uint64_t scratchBytes() const override { return 0; }

  std::unique_ptr<Queue> makeQueue(fb::StreamKind kind, const std::string &name) override;
  std::unique_ptr<Event> makeEvent(bool) override { return std::make_unique<TimedEvent>(clock); }
  GivenTimes *givenTimes() override { return this; }

  void slowDown(double atLeast) override { multiplier = std::max(multiplier, atLeast); }
  double factor() const override { return multiplier; }

  int64_t now() { return clock.now(); }
  int64_t slowed(int64_t nanoseconds) const { return int64_t(double(nanoseconds) * multiplier); }

private:
  HostClock &clock;
  double multiplier = 1;
  uint64_t next = 64; // address
  NamedLaunch launch;
  NamedCall call;
};

class TimedQueue : public Queue {
public:
  explicit TimedQueue(ClockDevice &device) : device(device) {}

  Status launch(const PreparedLaunch &, const DeviceAddress *, size_t) override { return {}; }
  Status call(const PreparedCall &, const DeviceAddress *, size_t) override { return {}; }
  Status copy(DeviceAddress, DeviceAddress, uint64_t) override { return {}; }
  Status fill(DeviceAddress, uint32_t, uint64_t) override { return {}; }
  Status reduce(DeviceAddress, const DeviceAddress *, size_t, uint64_t, Element) override {
    return {};
  }
  Status record(Event &event) override {
    static_cast<TimedEvent &>(event).firesAt = doneAt;
    return {};
  }
  Status wait(Event &event) override {
    doneAt = std::max<int64_t>(doneAt, static_cast<TimedEvent &>(event).firesAt);
    return {};
  }
  // It cannot begin before it is enqueued.
  Status spend(int64_t nanoseconds) override {
    doneAt = std::max(doneAt, device.now()) + device.slowed(nanoseconds);
    return {};
  }

private:
  ClockDevice &device;
  int64_t doneAt = 0;
};

std::unique_ptr<Queue> ClockDevice::makeQueue(fb::StreamKind, const std::string &) {
  return std::make_unique<TimedQueue>(*this);
}
} // namespace

std::unique_ptr<QueueDevice> makeClockDevice() {
  static MonotonicClock monotonic;
  return makeClockDevice(monotonic);
}

std::unique_ptr<QueueDevice> makeClockDevice(HostClock &clock) {
  return std::make_unique<ClockDevice>(clock);
}

} // namespace dpcrt
