// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Queues and events as times.
#include "devices/virtual/ClockDevice.h"
#include "devices/Wait.h"
#include "devices/virtual/Captures.h"
#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

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

  bool fired() override { return !record.isInternal() && firesAt <= clock.now(); }
  Status wait(int64_t deadline) override {
    if (Status s = Captures::checkHostWait(record); !s.ok())
      return s;
    int64_t until = std::min<int64_t>(firesAt, deadline);
    if (until > clock.now())
      clock.sleepUntil(until);
    return {};
  }

  int64_t time() const override { return firesAt; }

  // When the latest record is passed; the host may look while another thread enqueues.
  std::atomic<int64_t> firesAt{0};
  CaptureRecord record;
  size_t captured = 0; // of a captured record: its number

private:
  HostClock &clock;
};

// What takes time and what waits, in the order in which it was captured.
class TimedGraph : public Graph {
public:
  struct Step {
    enum class Kind { Spend, Record, Wait };
    Kind kind;
    size_t part;    // of the capture
    size_t record;  // its number, of a record or wait
    int64_t amount; // to spend, as given
  };
  std::vector<Step> steps;
  size_t parts = 1, records = 0;
  int64_t doneAt = 0; // the latest launch
};
using Step = TimedGraph::Step;

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
  Status upload(DeviceAddress, const void *, uint64_t) override {
    return capture.refuse("an upload");
  }
  Status download(void *dst, DeviceAddress, uint64_t bytes) override {
    std::memset(dst, 0, bytes);
    return capture.refuse("a download");
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
  bool captures() const override { return true; }
  Status beginCapture(Queue &origin) override;
  Status endCapture(Queue &origin, std::unique_ptr<Graph> &out) override;

  void slowDown(double atLeast) override { multiplier = std::max(multiplier, atLeast); }
  double factor() const override { return multiplier; }

  // When something is over that takes this long, as given. It cannot begin before it is enqueued.
  int64_t endOf(int64_t nanoseconds, int64_t begin) {
    return std::max(begin, clock.now()) + int64_t(double(nanoseconds) * multiplier);
  }

  Captures capture;
  std::unique_ptr<TimedGraph> captured; // of the capture under way

private:
  HostClock &clock;
  double multiplier = 1;
  uint64_t next = 64; // address
  NamedLaunch launch;
  NamedCall call;
};

class TimedQueue : public Queue {
public:
  TimedQueue(ClockDevice &device, const std::string &name) : member(name), device(device) {}

  Status launch(const PreparedLaunch &, const DeviceAddress *, size_t) override { return work(); }
  Status call(const PreparedCall &, const DeviceAddress *, size_t) override { return work(); }
  Status copy(DeviceAddress, DeviceAddress, uint64_t) override { return work(); }
  Status fill(DeviceAddress, uint32_t, uint64_t) override { return work(); }
  Status reduce(DeviceAddress, const DeviceAddress *, size_t, uint64_t, Element) override {
    return work();
  }
  Status record(Event &given) override {
    auto &event = static_cast<TimedEvent &>(given);
    if (Status s = device.capture.record(member, event.record); !s.ok())
      return s;
    if (isCaptured()) {
      event.captured = device.captured->records++;
      add(Step::Kind::Record, event.captured, 0);
    } else {
      event.firesAt = doneAt;
    }
    return {};
  }
  Status wait(Event &given) override {
    auto &event = static_cast<TimedEvent &>(given);
    if (Status s = device.capture.wait(member, event.record); !s.ok())
      return s;
    if (!isCaptured())
      doneAt = std::max<int64_t>(doneAt, event.firesAt);
    else if (event.record.isInternal())
      add(Step::Kind::Wait, event.captured, 0);
    return {};
  }
  Status spend(int64_t nanoseconds) override {
    if (!isCaptured())
      doneAt = device.endOf(nanoseconds, doneAt);
    else
      add(Step::Kind::Spend, 0, nanoseconds);
    return work();
  }
  Status launchGraph(Graph &graph) override;

  CaptureMember member;

private:
  bool isCaptured() const { return device.capture.holds(member); }
  void add(Step::Kind kind, size_t record, int64_t amount) {
    device.captured->steps.push_back({kind, device.capture.partOf(member), record, amount});
  }
  Status work() { return isCaptured() ? device.capture.work(member) : Status(); }

  ClockDevice &device;
  int64_t doneAt = 0;
};

// Each part of it is a queue like others; the origin's, which has waited for all, is the last.
Status TimedQueue::launchGraph(Graph &given) {
  if (isCaptured())
    return device.capture.refuse("a graph is launched in a captured queue");
  auto &graph = static_cast<TimedGraph &>(given);
  std::vector<int64_t> parts(graph.parts), records(graph.records);
  parts[0] = std::max(doneAt, graph.doneAt);
  for (const Step &step : graph.steps) {
    int64_t &part = parts[step.part];
    if (step.kind == Step::Kind::Spend)
      part = device.endOf(step.amount, part);
    else if (step.kind == Step::Kind::Record)
      records[step.record] = part;
    else
      part = std::max(part, records[step.record]);
  }
  doneAt = graph.doneAt = parts[0];
  return {};
}

Status ClockDevice::beginCapture(Queue &origin) {
  Status s = capture.begin(static_cast<TimedQueue &>(origin).member);
  if (s.ok())
    captured = std::make_unique<TimedGraph>();
  return s;
}

Status ClockDevice::endCapture(Queue &origin, std::unique_ptr<Graph> &out) {
  if (Status s = capture.end(static_cast<TimedQueue &>(origin).member); !s.ok())
    return s;
  captured->parts = capture.names().size();
  out = std::move(captured);
  return {};
}

std::unique_ptr<Queue> ClockDevice::makeQueue(fb::StreamKind, const std::string &name) {
  return std::make_unique<TimedQueue>(*this, name);
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
