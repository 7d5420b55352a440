// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SpreadCollective.h.
#include "transports/SpreadCollective.h"
#include "transports/local/Meetings.h"

namespace dpcrt {
namespace {

// Up to here a second round costs more than the bytes that it saves.
constexpr uint64_t kDirectBytes = uint64_t(64) << 10;

class SpreadCollective : public Operation {
public:
  SpreadCollective(const CollectiveSpec &spec, size_t self, HostDevice &device)
      : spec(spec), self(self), device(device) {}

  Status prepare(const MakeEnd &makeEnd);

  void start(uint32_t newStep) override {
    step = newStep;
    begin(0);
  }
  bool progress(Lane &lane) override;
  void wait() override { bell.sleep(seen, due); }
  int64_t movesAt() const override { return due; }
  void wake() override { bell.ring(); }
  std::string describe() const override;

private:
  struct Part {
    uint32_t peer;
    bool send;
    std::unique_ptr<MessageEnd> end;
    bool done;
  };
  // All messages of a round go on together; what is computed is computed behind it.
  struct Round {
    std::vector<Part> parts;
    std::vector<DeviceAddress> sources; // to add, in the order of members; none: nothing
    DeviceAddress sum;
    uint64_t sumBytes = 0;
    DeviceAddress from, to; // to copy
    uint64_t copyBytes = 0;
  };

  uint64_t members() const { return spec.members.size(); }
  Status add(Round &round, const MakeEnd &makeEnd, bool send, size_t member, DeviceAddress data,
             uint64_t bytes);
  // Receives [offset, offset + bytes) of every member's src and adds them up at `sum`.
  Status addUp(Round &round, const MakeEnd &makeEnd, uint64_t offset, uint64_t bytes,
               DeviceAddress sum);
  void begin(size_t round);

  const CollectiveSpec spec;
  const size_t self;
  HostDevice &device;
  std::vector<Round> rounds;
  Bell bell;
  uint32_t step = 0;
  std::atomic<size_t> current{0};
  size_t left = 0;
  int64_t due = noDeadline;
  uint32_t seen = 0;
};

Status SpreadCollective::add(Round &round, const MakeEnd &makeEnd, bool send, size_t member,
                             DeviceAddress data, uint64_t bytes) {
  if (bytes == 0)
    return {};
  std::unique_ptr<MessageEnd> end;
  std::string what = "part " + std::to_string(&round - rounds.data()) + " of collective " +
                     std::to_string(spec.sequence) + " of group '" + spec.group + "'";
  Status s = makeEnd(send, spec.members[member], what, data, bytes, bell, end);
  round.parts.push_back({spec.members[member], send, std::move(end), false});
  return s;
}

Status SpreadCollective::addUp(Round &round, const MakeEnd &makeEnd, uint64_t offset,
                               uint64_t bytes, DeviceAddress sum) {
  DeviceAddress gathered;
  if (bytes == 0)
    return {};
  if (Status s = device.allocate((members() - 1) * bytes, MemoryKind::Messages, gathered); !s.ok())
    return s.within("what collective " + std::to_string(spec.sequence) + " of group '" +
                    spec.group + "' gathers");
  for (size_t i = 0; i < members(); ++i) {
    if (i == self) {
      round.sources.push_back(spec.src + offset);
      continue;
    }
    round.sources.push_back(gathered);
    if (Status s = add(round, makeEnd, false, i, gathered, bytes); !s.ok())
      return s;
    gathered = gathered + bytes;
  }
  round.sum = sum;
  round.sumBytes = bytes;
  return {};
}

Status SpreadCollective::prepare(const MakeEnd &makeEnd) {
  const uint64_t unit = sizeOf(spec.dtype), part = spec.srcBytes / members();
  const bool direct =
      spec.kind == fb::CollectiveKind::AllReduce && (members() - 1) * spec.srcBytes <= kDirectBytes;
  rounds.resize(spec.kind == fb::CollectiveKind::AllReduce && !direct ? 2 : 1);
  Round &first = rounds[0];
  Status status;
  auto others = [&](auto &&each) {
    for (size_t i = 0; i < members() && status.ok(); ++i)
      if (i != self)
        status = each(i);
  };
  auto chunk = [&](size_t i) { return chunkBegin(spec.srcBytes / unit, members(), i) * unit; };
  switch (spec.kind) {
  case fb::CollectiveKind::AllReduce:
    others([&](size_t i) {
      return direct ? add(first, makeEnd, true, i, spec.src, spec.srcBytes)
                    : add(first, makeEnd, true, i, spec.src + chunk(i), chunk(i + 1) - chunk(i));
    });
    if (!status.ok())
      return status;
    if (direct)
      return addUp(first, makeEnd, 0, spec.srcBytes, spec.dst);
    status =
        addUp(first, makeEnd, chunk(self), chunk(self + 1) - chunk(self), spec.dst + chunk(self));
    for (bool send : {true, false})
      others([&](size_t i) {
        size_t whose = send ? self : i;
        return add(rounds[1], makeEnd, send, i, spec.dst + chunk(whose),
                   chunk(whose + 1) - chunk(whose));
      });
    return status;
  case fb::CollectiveKind::ReduceScatter:
    others([&](size_t i) {
      return add(first, makeEnd, true, i, spec.src + spec.partBegin(i), spec.partBytes(i));
    });
    return status.ok() ? addUp(first, makeEnd, spec.partBegin(self), spec.partBytes(self),
                               spec.inParts() ? spec.dst + spec.partBegin(self) : spec.dst)
                       : status;
  case fb::CollectiveKind::AllGather: {
    const DeviceAddress own = spec.inParts() ? spec.src + spec.partBegin(self) : spec.src;
    others([&](size_t i) { return add(first, makeEnd, true, i, own, spec.partBytes(self)); });
    others([&](size_t i) {
      return add(first, makeEnd, false, i, spec.dst + spec.partBegin(i), spec.partBytes(i));
    });
    first.from = own;
    first.to = spec.dst + spec.partBegin(self);
    first.copyBytes = spec.partBytes(self);
    return status;
  }
  case fb::CollectiveKind::AllToAll:
    others([&](size_t i) { return add(first, makeEnd, true, i, spec.src + i * part, part); });
    others([&](size_t i) { return add(first, makeEnd, false, i, spec.dst + i * part, part); });
    first.from = spec.src + self * part;
    first.to = spec.dst + self * part;
    first.copyBytes = part;
    return status;
  }
  return status;
}

void SpreadCollective::begin(size_t round) {
  current.store(round, std::memory_order_relaxed);
  left = rounds[round].parts.size();
  for (Part &part : rounds[round].parts) {
    part.done = false;
    part.end->start(step);
  }
}

bool SpreadCollective::progress(Lane &lane) {
  for (;;) {
    Round &round = rounds[current.load(std::memory_order_relaxed)];
    seen = bell.snapshot();
    due = noDeadline;
    for (Part &part : round.parts)
      if (!part.done && part.end->progress(lane, due)) {
        part.done = true;
        --left;
      }
    if (left)
      return false;
    if (!round.sources.empty()) {
      lane.enter();
      device.reduce(lane, round.sum, round.sources.data(), round.sources.size(),
                    round.sumBytes / sizeOf(spec.dtype), spec.dtype);
    }
    if (round.copyBytes && round.from != round.to)
      device.copy(lane, round.to, round.from, round.copyBytes);
    if (&round == &rounds.back())
      return true;
    begin(current.load(std::memory_order_relaxed) + 1);
  }
}

std::string SpreadCollective::describe() const {
  std::string missing;
  for (const Part &part : rounds[current.load(std::memory_order_relaxed)].parts)
    if (!part.end->isMet())
      missing += (missing.empty() ? " rank " : ", ") + std::to_string(part.peer);
  return std::string(fb::EnumNameCollectiveKind(spec.kind)) + " of " + std::to_string(members()) +
         " ranks" + (missing.empty() ? "" : ", and has not met" + missing);
}
} // namespace

Status makeSpreadCollective(const CollectiveSpec &spec, size_t self, HostDevice &device,
                            const MakeEnd &makeEnd, std::unique_ptr<Operation> &out) {
  auto collective = std::make_unique<SpreadCollective>(spec, self, device);
  Status s = collective->prepare(makeEnd);
  out = std::move(collective);
  return s;
}

} // namespace dpcrt
