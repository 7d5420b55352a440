// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Rendezvous in shared memory.
#include "transports/local/LocalMessages.h"

namespace dpcrt {
namespace {

// When a message that was copied is there, by the emulated link.
bool hasArrived(const LocalMessage &message, int64_t &due) {
  if (message.due == 0 || message.due <= nowNs())
    return true;
  due = std::min(due, message.due);
  return false;
}

class SendingEnd : public MessageEnd {
public:
  SendingEnd(LocalMessage &message, DeviceAddress data, const Link &link)
      : message(message), data(data), link(link) {}

  void start(uint32_t newStep) override {
    step.store(newStep, std::memory_order_relaxed);
    message.src = data;
    message.postedAt = link.emulated() ? nowNs() : 0;
    message.posted.store(newStep, std::memory_order_release);
    message.receiverBell->ring();
  }
  bool progress(Lane &, int64_t &due) override {
    return message.received.load(std::memory_order_acquire) ==
               step.load(std::memory_order_relaxed) &&
           hasArrived(message, due);
  }
  bool isMet() const override {
    return message.received.load() == step.load(std::memory_order_relaxed);
  }

private:
  LocalMessage &message;
  DeviceAddress data;
  const Link &link;
  std::atomic<uint32_t> step{0};
};

class ReceivingEnd : public MessageEnd {
public:
  ReceivingEnd(LocalMessage &message, DeviceAddress data, uint64_t bytes, HostDevice &device,
               const Link &link)
      : message(message), data(data), bytes(bytes), device(device), link(link) {}

  void start(uint32_t newStep) override {
    step.store(newStep, std::memory_order_relaxed);
    copied = false;
    startedAt = link.emulated() ? nowNs() : 0;
  }
  bool progress(Lane &lane, int64_t &due) override {
    uint32_t now = step.load(std::memory_order_relaxed);
    if (!copied) {
      if (message.posted.load(std::memory_order_acquire) != now)
        return false;
      device.copy(lane, data, message.src, bytes);
      copied = true;
      message.due = link.emulated()
                        ? std::max(message.postedAt, startedAt) + link.nanoseconds(double(bytes))
                        : 0;
      message.received.store(now, std::memory_order_release);
      message.senderBell->ring();
    }
    return hasArrived(message, due);
  }
  bool isMet() const override {
    return message.posted.load() == step.load(std::memory_order_relaxed);
  }

private:
  LocalMessage &message;
  DeviceAddress data;
  uint64_t bytes;
  HostDevice &device;
  const Link &link;
  std::atomic<uint32_t> step{0};
  bool copied = false;
  int64_t startedAt = 0;
};
} // namespace

std::unique_ptr<MessageEnd> makeLocalEnd(LocalMessage &message, bool send, DeviceAddress data,
                                         uint64_t bytes, Bell &bell, HostDevice &device,
                                         const Link &link) {
  (send ? message.senderBell : message.receiverBell) = &bell;
  if (send)
    return std::make_unique<SendingEnd>(message, data, link);
  return std::make_unique<ReceivingEnd>(message, data, bytes, device, link);
}

} // namespace dpcrt
