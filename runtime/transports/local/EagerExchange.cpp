// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages through buffers.
#include "transports/local/QueueExchange.h"

namespace dpcrt {
namespace {
// Phase 0: what is sent lies in buffers. Phase 1: what is received is copied from there.
class EagerExchange : public QueueExchange {
public:
  explicit EagerExchange(QueueDevice &device) : device(device) {
    for (Turn &turn : turns)
      turn = {device.makeEvent(), device.makeEvent(), false};
  }

  Status add(const TransferSpec &spec, QueueMessage &message) override {
    for (DeviceAddress &buffer : message.buffers)
      if (spec.send)
        if (Status s = device.allocate(spec.bytes, MemoryKind::Device, buffer); !s.ok())
          return s.within("buffers of messages");
    return QueueExchange::add(spec, message);
  }

  unsigned phases() const override { return 2; }

  Status issue(unsigned phase, Queue &queue) override {
    if (phase == 0)
      ++step;
    for (const Transfer &t : transfers)
      if (t.spec.send == (phase == 0))
        if (Status s = t.spec.send ? give(t, queue) : take(t, queue); !s.ok())
          return s;
    if (phase == 0 && sends)
      return queue.record(*turns[step % 2].given);
    if (phase == 1 && receives) {
      turns[step % 2].isTaken = true;
      return queue.record(*turns[step % 2].taken);
    }
    return {};
  }
  void forgetSteps() override {
    for (Turn &turn : turns)
      turn.isTaken = false;
  }

private:
  Status give(const Transfer &t, Queue &queue);
  Status take(const Transfer &t, Queue &queue);

  QueueDevice &device;
  struct Turn {
    std::unique_ptr<Event> given, taken; // the sends are in buffers, the receives out of them
    bool isTaken;                        // whether that was recorded and is not forgotten
  };
  Turn turns[2];
  uint64_t step = 0; // all exchanges are issued once per step, so they have the same turn
};

// The receiver has taken what lay in the buffer two steps ago: that is the latest record of
// its event, as that of this step comes behind.
Status EagerExchange::give(const Transfer &t, Queue &queue) {
  Turn &turn = static_cast<EagerExchange &>(*t.message->receiver).turns[step % 2];
  Status s = turn.isTaken ? queue.wait(*turn.taken) : Status();
  return s.ok() ? queue.copy(t.message->buffers[step % 2], t.spec.data, t.spec.bytes) : s;
}

Status EagerExchange::take(const Transfer &t, Queue &queue) {
  DeviceAddress buffer = t.message->buffers[step % 2];
  Status s = queue.wait(*static_cast<EagerExchange &>(*t.message->sender).turns[step % 2].given);
  if (s.ok())
    s = queue.copy(t.spec.data, buffer, t.spec.bytes);
  return s.ok() && device.spoils() ? queue.forget(buffer, t.spec.bytes) : s;
}
} // namespace

std::unique_ptr<QueueExchange> makeEagerExchange(QueueDevice &device) {
  return std::make_unique<EagerExchange>(device);
}

} // namespace dpcrt
