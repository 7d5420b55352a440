// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Collectives by events, and which messages are whose.
#include "transports/local/LocalQueueTransport.h"
#include "transports/local/QueueExchange.h"
#include "transports/local/SerialisedTransport.h"

namespace dpcrt {

QueueOperation::~QueueOperation() = default;
QueueTransport::~QueueTransport() = default;

namespace {
struct SharedCollective : CollectiveMembers {
  std::vector<std::vector<Event *>> passed; // by phase and member
};

// Phase 0: the member's source may be read. Phase 1: it computes its part; of an
// all-reduce, the sum of its chunk. Of an all-reduce, phase 2: it gathers the chunks of the
// others. Last phase: all others have read what they read of it.
class QueueCollective : public QueueOperation {
public:
  QueueCollective(QueueDevice &device, SharedCollective &shared, size_t self)
      : shared(shared), self(self) {
    scratch.reserve(shared.spec.members.size());
    shared.passed.resize(phases() - 1, std::vector<Event *>(shared.spec.members.size()));
    for (auto &phase : shared.passed) {
      events.push_back(device.makeEvent());
      phase[self] = events.back().get();
    }
  }

  unsigned phases() const override {
    return shared.spec.kind == fb::CollectiveKind::AllReduce ? 4 : 3;
  }

  Status issue(unsigned phase, Queue &queue) override {
    if (phase > 0)
      for (size_t i = 0; i < shared.spec.members.size(); ++i)
        if (i != self)
          if (Status s = queue.wait(*shared.passed[phase - 1][i]); !s.ok())
            return s;
    auto add = [&](DeviceAddress to, uint64_t first, uint64_t count) {
      return sum(queue, to, first, count);
    };
    auto move = [&](DeviceAddress dst, DeviceAddress src, uint64_t bytes) {
      return dst == src || bytes == 0 ? Status() : queue.copy(dst, src, bytes);
    };
    Status s;
    if (phase == 1)
      s = shared.computePart(self, add, move);
    else if (phase == 2 && phases() == 4)
      s = shared.gatherChunks(self, move);
    bool isAwaited = phase + 1 < phases() && shared.spec.members.size() > 1;
    return s.ok() && isAwaited ? queue.record(*events[phase]) : s;
  }

  Status poll() override { return {}; }

  std::string describe() const override {
    return std::string(fb::EnumNameCollectiveKind(shared.spec.kind)) + " of " +
           std::to_string(shared.spec.members.size()) + " ranks";
  }

private:
  Status sum(Queue &queue, DeviceAddress to, uint64_t first, uint64_t count) {
    std::vector<DeviceAddress> &from = scratch;
    from.clear(); // nothing is allocated in a step
    for (DeviceAddress src : shared.src)
      from.push_back(src + first * sizeOf(shared.spec.dtype));
    return queue.reduce(to, from.data(), from.size(), count, shared.spec.dtype);
  }

  SharedCollective &shared;
  size_t self;
  std::vector<std::unique_ptr<Event>> events; // by phase
  std::vector<DeviceAddress> scratch;
};

class LocalQueueTransport : public QueueTransport {
public:
  LocalQueueTransport(QueueDevice &device, const Link &link) : device(device), link(link) {}
  const char *name() const override { return "local"; }

  Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers,
                     QueueOperation *&out) override {
    auto exchange = device.messageOrder() == MessageOrder::Eager
                        ? makeEagerExchange(device)
                        : makeRendezvousExchange(device, link);
    for (const TransferSpec &spec : transfers) {
      QueueMessage *message = nullptr;
      Status s = messages.add(rank, spec, message);
      if (s.ok())
        s = exchange->add(spec, *message);
      if (!s.ok())
        return s;
    }
    out = exchange.get();
    exchanges.push_back(exchange.get());
    operations.push_back(std::move(exchange));
    return {};
  }

  Status addCollective(uint32_t rank, const CollectiveSpec &spec, QueueOperation *&out) override {
    SharedCollective &shared = collectives[{spec.group, spec.sequence}];
    size_t self = 0;
    if (Status s = shared.add(rank, spec, self); !s.ok())
      return s;
    operations.push_back(std::make_unique<QueueCollective>(device, shared, self));
    out = operations.back().get();
    return {};
  }

  Status finishPreparation() override {
    if (Status s = messages.check(); !s.ok())
      return s;
    for (auto &[key, shared] : collectives)
      if (Status s = shared.check(); !s.ok())
        return s;
    return {};
  }

  void forgetSteps() override {
    for (QueueExchange *exchange : exchanges)
      exchange->forgetSteps();
  }

private:
  QueueDevice &device;
  const Link link; // of given times; else none
  Messages<QueueMessage> messages;
  std::map<std::pair<std::string, uint32_t>, SharedCollective> collectives;
  std::vector<std::unique_ptr<QueueOperation>> operations;
  std::vector<QueueExchange *> exchanges; // of these
};
} // namespace

std::unique_ptr<QueueTransport> makeLocalQueueTransport(QueueDevice &device) {
  return makeLinkedQueueTransport(device, Link());
}

std::unique_ptr<QueueTransport> makeLinkedQueueTransport(QueueDevice &device, const Link &link) {
  auto transport = std::make_unique<LocalQueueTransport>(device, link);
  if (device.messageOrder() == MessageOrder::Serialised)
    return makeSerialisedTransport(std::move(transport), device);
  return transport;
}

} // namespace dpcrt
