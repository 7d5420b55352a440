// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rendezvous in shared memory.
#include "transports/local/LocalTransport.h"
#include "transports/local/Meetings.h"
#include <algorithm>

namespace dpcrt {

Operation::~Operation() = default;
Transport::~Transport() = default;

namespace {
// What the two ends of a message share. `posted` and `received` hold the last step
// in which they happened; everything else is written before and read after them.
struct Message : MessageEnds {
  std::atomic<uint32_t> posted{0}, received{0};
  DeviceAddress src;
  int64_t postedAt = 0, due = 0;
  Bell *senderBell = nullptr, *receiverBell = nullptr;
};

class LocalExchange : public Operation {
public:
  struct Transfer {
    TransferSpec spec;
    Message *message;
    bool copied = false, done = false;
  };

  LocalExchange(HostDevice &device, const Link &link) : device(device), link(link) {}

  void start(uint32_t newStep) override {
    step.store(newStep, std::memory_order_relaxed);
    left = transfers.size();
    startedAt = link.emulated() ? nowNs() : 0;
    for (Transfer &t : transfers) {
      t.copied = t.done = false;
      if (!t.spec.send)
        continue;
      t.message->src = t.spec.data;
      t.message->postedAt = startedAt;
      t.message->posted.store(newStep, std::memory_order_release);
      t.message->receiverBell->ring();
    }
  }

  bool progress(Lane &lane) override {
    seen = bell.snapshot();
    nextDue = noDeadline;
    uint32_t now = step.load(std::memory_order_relaxed);
    for (Transfer &t : transfers)
      if (!t.done && advance(lane, t, now)) {
        t.done = true;
        --left;
        if (t.spec.signal)
          t.spec.signal->fire(now);
      }
    return left == 0;
  }

  void wait() override { bell.sleep(seen, nextDue); }
  int64_t movesAt() const override { return nextDue; }
  void wake() override { bell.ring(); }

  std::string describe() const override {
    std::string text;
    uint32_t now = step.load(std::memory_order_relaxed);
    for (const Transfer &t : transfers) {
      bool there =
          t.spec.send ? t.message->received.load() == now : t.message->posted.load() == now;
      if (!there)
        text += (text.empty() ? "" : ", ") + dpcrt::describe(t.spec);
    }
    return text.empty() ? "the emulated link" : text;
  }

  std::vector<Transfer> transfers;
  Bell bell;

private:
  // Whether the transfer has completed.
  bool advance(Lane &lane, Transfer &t, uint32_t now) {
    Message &m = *t.message;
    if (t.spec.send) {
      if (m.received.load(std::memory_order_acquire) != now)
        return false;
    } else if (!t.copied) {
      if (m.posted.load(std::memory_order_acquire) != now)
        return false;
      device.copy(lane, t.spec.data, m.src, t.spec.bytes);
      t.copied = true;
      m.due = link.emulated()
                  ? std::max(m.postedAt, startedAt) + link.nanoseconds(double(t.spec.bytes))
                  : 0;
      m.received.store(now, std::memory_order_release);
      m.senderBell->ring();
    }
    if (m.due == 0 || m.due <= nowNs())
      return true;
    nextDue = std::min(nextDue, m.due);
    return false;
  }

  HostDevice &device;
  const Link &link;
  std::atomic<uint32_t> step{0};
  size_t left = 0;
  int64_t startedAt = 0, nextDue = noDeadline;
  uint32_t seen = 0;
};

// What the members of one collective share. Counters run on over the steps: phase
// p of step s is over when its counter is s times the number of members.
struct SharedCollective : CollectiveMembers {
  std::vector<int64_t> postedAt;
  std::atomic<uint64_t> posted{0}, reduced{0}, finished{0};
  Bell bell;
};

class LocalCollective : public Operation {
public:
  LocalCollective(SharedCollective &shared, size_t self, HostDevice &device, const Link &link)
      : shared(shared), self(self), device(device), link(link) {}

  void start(uint32_t newStep) override {
    uint64_t count = shared.spec.members.size();
    goal.store(uint64_t(newStep) * count, std::memory_order_relaxed);
    phase = Phase::Posted;
    due = 0;
    shared.postedAt[self] = link.emulated() ? nowNs() : 0;
    shared.posted.fetch_add(1);
    shared.bell.ring();
  }

  bool progress(Lane &lane) override {
    seen = shared.bell.snapshot();
    uint64_t all = goal.load(std::memory_order_relaxed);
    auto move = [&](DeviceAddress dst, DeviceAddress src, uint64_t bytes) {
      if (dst != src)
        device.copy(lane, dst, src, bytes);
      return Status();
    };
    if (phase == Phase::Posted) {
      if (shared.posted.load() < all)
        return false;
      if (link.emulated())
        due = *std::max_element(shared.postedAt.begin(), shared.postedAt.end()) + cost();
      bool reduceFirst = shared.spec.kind == fb::CollectiveKind::AllReduce;
      auto add = [&](DeviceAddress to, uint64_t first, uint64_t count) {
        sum(lane, to, first, count);
        return Status();
      };
      (void)shared.computePart(self, add, move); // nothing on the host fails
      phase = reduceFirst ? Phase::Reduced : Phase::Finished;
      (reduceFirst ? shared.reduced : shared.finished).fetch_add(1);
      shared.bell.ring();
    }
    if (phase == Phase::Reduced) {
      if (shared.reduced.load() < all)
        return false;
      (void)shared.gatherChunks(self, move);
      phase = Phase::Finished;
      shared.finished.fetch_add(1);
      shared.bell.ring();
    }
    return shared.finished.load() >= all && (due == 0 || due <= nowNs());
  }

  void wait() override { shared.bell.sleep(seen, movesAt()); }
  int64_t movesAt() const override {
    bool waitsForTime = phase == Phase::Finished && due != 0 &&
                        shared.finished.load() >= goal.load(std::memory_order_relaxed);
    return waitsForTime ? due : noDeadline;
  }
  void wake() override { shared.bell.ring(); }

  std::string describe() const override {
    uint64_t all = goal.load(std::memory_order_relaxed), count = shared.spec.members.size();
    uint64_t here = shared.posted.load() - (all - count);
    return std::string(fb::EnumNameCollectiveKind(shared.spec.kind)) + " of " +
           std::to_string(count) + " ranks, of which " + std::to_string(std::min(here, count)) +
           " have come";
  }

private:
  enum class Phase { Posted, Reduced, Finished };

  int64_t cost() const {
    double m = double(shared.spec.members.size()), bytes = double(shared.spec.srcBytes);
    switch (shared.spec.kind) {
    case fb::CollectiveKind::AllGather:
      return link.nanoseconds((m - 1) * bytes);
    case fb::CollectiveKind::AllReduce:
      return link.allReduceNanoseconds(m, bytes);
    default:
      return link.nanoseconds((m - 1) / m * bytes);
    }
  }

  void sum(Lane &lane, DeviceAddress to, uint64_t first, uint64_t count) {
    std::vector<DeviceAddress> &from = scratch;
    from.clear();
    for (DeviceAddress src : shared.src)
      from.push_back(src + first * sizeOf(shared.spec.dtype));
    lane.enter();
    device.reduce(lane, to, from.data(), from.size(), count, shared.spec.dtype);
  }

  SharedCollective &shared;
  size_t self;
  HostDevice &device;
  const Link &link;
  std::vector<DeviceAddress> scratch;
  std::atomic<uint64_t> goal{0};
  Phase phase = Phase::Posted;
  int64_t due = 0;
  uint32_t seen = 0;
};

class LocalTransport : public Transport {
public:
  LocalTransport(HostDevice &device, const Link &link) : device(device), link(link) {}
  const char *name() const override { return "local"; }

  Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers, Operation *&out) override {
    auto exchange = std::make_unique<LocalExchange>(device, link);
    for (TransferSpec &spec : transfers) {
      Message *message = nullptr;
      if (Status s = messages.add(rank, spec, message); !s.ok())
        return s;
      (spec.send ? message->senderBell : message->receiverBell) = &exchange->bell;
      exchange->transfers.push_back({spec, message});
    }
    out = exchange.get();
    operations.push_back(std::move(exchange));
    return {};
  }

  Status addCollective(uint32_t rank, const CollectiveSpec &spec, Operation *&out) override {
    auto &shared = collectives[{spec.group, spec.sequence}];
    if (!shared)
      shared = std::make_unique<SharedCollective>();
    shared->postedAt.resize(spec.members.size());
    size_t self = 0;
    if (Status s = shared->add(rank, spec, self); !s.ok())
      return s;
    auto operation = std::make_unique<LocalCollective>(*shared, self, device, link);
    out = operation.get();
    operations.push_back(std::move(operation));
    return {};
  }

  Status finishPreparation() override {
    if (Status s = messages.check(); !s.ok())
      return s;
    for (auto &[key, m] : collectives)
      if (Status s = m->check(); !s.ok())
        return s;
    return {};
  }

  void wakeAll() override {
    for (auto &operation : operations)
      operation->wake();
  }

private:
  HostDevice &device;
  Link link;
  Messages<Message> messages;
  std::map<std::pair<std::string, uint32_t>, std::unique_ptr<SharedCollective>> collectives;
  std::vector<std::unique_ptr<Operation>> operations;
};
} // namespace

std::unique_ptr<Transport> makeLocalTransport(HostDevice &device, const Link &link) {
  return std::make_unique<LocalTransport>(device, link);
}

} // namespace dpcrt
