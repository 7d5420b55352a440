// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What all exchanges between queues have, and the rendezvous.
#include "transports/local/QueueExchange.h"

namespace dpcrt {

Status QueueExchange::add(const TransferSpec &spec, QueueMessage &message) {
  (spec.send ? message.sender : message.receiver) = this;
  (spec.send ? sends : receives) = true;
  transfers.push_back({spec, &message});
  return {};
}

std::string QueueExchange::describe() const {
  std::string text;
  for (const Transfer &t : transfers)
    text += (text.empty() ? "" : ", ") + dpcrt::describe(t.spec);
  return text;
}

namespace {
// Phase 0: what is sent may be read. Phase 1: what is received is copied. Phase 2: what
// was sent has been read.
class RendezvousExchange : public QueueExchange {
public:
  RendezvousExchange(QueueDevice &device, const Link &link)
      : link(link), ready(device.makeEvent()), arrived(device.makeEvent()) {}

  Status add(const TransferSpec &spec, QueueMessage &message) override {
    if (spec.send)
      message.src = spec.data;
    return QueueExchange::add(spec, message);
  }

  unsigned phases() const override { return 3; }

  Status issue(unsigned phase, Queue &queue) override {
    Status s;
    double received = 0; // bytes
    for (const Transfer &t : transfers) {
      if (phase == 1 && !t.spec.send) {
        s = queue.wait(*other(t.message->sender).ready);
        if (s.ok())
          s = queue.copy(t.spec.data, t.message->src, t.spec.bytes);
        received += double(t.spec.bytes);
      } else if (phase == 2 && t.spec.send) {
        s = queue.wait(*other(t.message->receiver).arrived);
      }
      if (!s.ok())
        return s;
    }
    if (phase == 0 && sends)
      return queue.record(*ready);
    if (phase == 1 && receives) {
      if (link.emulated())
        s = queue.spend(link.nanoseconds(received));
      return s.ok() ? queue.record(*arrived) : s;
    }
    return s;
  }

private:
  static RendezvousExchange &other(QueueExchange *exchange) {
    return static_cast<RendezvousExchange &>(*exchange);
  }
  const Link link;
  const std::unique_ptr<Event> ready, arrived;
};
} // namespace

std::unique_ptr<QueueExchange> makeRendezvousExchange(QueueDevice &device, const Link &link) {
  return std::make_unique<RendezvousExchange>(device, link);
}

} // namespace dpcrt
