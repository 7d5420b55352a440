// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A collective whose members are all threads of this process: each sums its chunk straight
// from the others' memory.
#pragma once
#include "transports/Link.h"
#include "transports/Transport.h"
#include "transports/local/Meetings.h"

namespace dpcrt {

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
      return link.nanoseconds((m - 1) * (shared.spec.inParts() ? bytes / m : bytes));
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

} // namespace dpcrt
