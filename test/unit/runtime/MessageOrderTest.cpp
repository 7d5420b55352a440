// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a message between queues waits for, in each way of carrying it out: the order in
// which a few commands run whose queues the device would rather not let go on.
#include "DeviceMemory.h"
#include "devices/Wait.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"
#include "transports/local/LocalQueueTransport.h"
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {
constexpr uint64_t kBytes = 64;
using Words = std::vector<uint32_t>;

// Rank 0 sends from `source`, rank 1 receives into `target`. Queues: 0 and 1 of the sender,
// 2 of the receiver.
class MessageOrders : public testing::Test {
protected:
  void make(const std::string &order) {
    device = makeVirtualDevice(makeCpuDevice(1));
    Status s = device->chooseOrder(order);
    ASSERT_TRUE(s.ok()) << s.message();
    ASSERT_TRUE(device->finishPreparation().ok());
    for (const char *name : {"sender", "sender's other", "receiver"})
      queues.push_back(device->makeQueue(fb::StreamKind::Communication, name));
    transport = makeLocalQueueTransport(*device);
    source = onDevice(*device, Words(16));
    target = onDevice(*device, Words(16));
  }
  void add(uint32_t rank, uint32_t message, QueueOperation *&out) {
    bool sends = rank == 0;
    TransferSpec spec{sends, 1 - rank, message, sends ? source : target, kBytes, nullptr};
    ASSERT_TRUE(transport->addExchange(rank, {spec}, out).ok());
  }
  // The ends of the one message that there is.
  void connect(QueueOperation *&send, QueueOperation *&receive) {
    add(0, 0, send);
    add(1, 0, receive);
    ASSERT_TRUE(transport->finishPreparation().ok());
  }
  // Both ends, the sender's on `queue`.
  void issue(QueueOperation &send, size_t queue, QueueOperation &receive) {
    for (unsigned phase = 0; phase < send.phases(); ++phase) {
      ASSERT_TRUE(send.issue(phase, *queues[queue]).ok());
      ASSERT_TRUE(receive.issue(phase, *queues[2]).ok());
    }
  }
  void fill(size_t queue, DeviceAddress to, uint32_t value) {
    ASSERT_TRUE(queues[queue]->fill(to, value, kBytes).ok());
  }
  std::unique_ptr<Event> record(size_t queue) {
    auto event = device->makeEvent();
    EXPECT_TRUE(queues[queue]->record(*event).ok());
    return event;
  }
  void finish(size_t queue) {
    Status s = record(queue)->wait(nowNs() + 10'000'000'000);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  uint32_t valueAt(DeviceAddress at) { return fromDevice<uint32_t>(*device, at, 1)[0]; }

  std::unique_ptr<VirtualDevice> device;
  std::vector<std::unique_ptr<Queue>> queues;
  std::unique_ptr<QueueTransport> transport;
  DeviceAddress source, target;
};

TEST_F(MessageOrders, AnEagerSenderGoesOnWithoutTheReceiver) {
  make("0,policy=starve=2,messages=eager");
  QueueOperation *send = nullptr, *receive = nullptr;
  connect(send, receive);
  fill(0, source, 7);
  issue(*send, 0, *receive);
  fill(0, source, 8); // which is the sender's own again
  finish(0);
  EXPECT_EQ(valueAt(source), 8u);
  EXPECT_EQ(valueAt(target), 0u) << "the receiver has not come";
  finish(2);
  EXPECT_EQ(valueAt(target), 7u);
}

TEST_F(MessageOrders, OfARendezvousNeitherEndGoesOnAlone) {
  make("0,policy=starve=2,messages=rendezvous");
  QueueOperation *send = nullptr, *receive = nullptr;
  connect(send, receive);
  fill(0, source, 7);
  issue(*send, 0, *receive);
  finish(0);
  EXPECT_EQ(valueAt(target), 7u);
}

// The sender is as far ahead as it can be; every step's bytes arrive.
TEST_F(MessageOrders, BuffersAreThoseOfTheirStep) {
  for (const char *order : {"0,policy=starve=2,messages=eager", "0,policy=starve=0,messages=eager",
                            "0,policy=reverse,messages=eager", "3,messages=eager"}) {
    queues.clear();
    make(order);
    QueueOperation *send = nullptr, *receive = nullptr;
    connect(send, receive);
    constexpr uint32_t kSteps = 5;
    DeviceAddress log = onDevice(*device, Words(16 * kSteps));
    std::vector<std::unique_ptr<Event>> sent;
    for (uint32_t step = 0; step < kSteps; ++step) {
      fill(0, source, step + 1);
      issue(*send, 0, *receive);
      sent.push_back(record(0));
      ASSERT_TRUE(queues[2]->copy(log + step * kBytes, target, kBytes).ok());
    }
    ASSERT_TRUE(sent[1]->wait(nowNs() + 10'000'000'000).ok());
    if (std::string(order).find("starve=2") != std::string::npos) {
      EXPECT_EQ(valueAt(log), 0u) << "two steps are sent before anything is received";
    }
    finish(2);
    for (uint32_t step = 0; step < kSteps; ++step)
      EXPECT_EQ(valueAt(log + step * kBytes), step + 1) << order;
  }
}

TEST_F(MessageOrders, ABufferHoldsNothingOnceItIsReceived) {
  make("0,policy=first,messages=eager");
  size_t forgotten = 0;
  device->watch([&](const VirtualEntry &entry) {
    forgotten += entry.what == VirtualEntry::What::Ran &&
                 entry.command->kind == VirtualCommand::Kind::Forget;
  });
  QueueOperation *send = nullptr, *receive = nullptr;
  connect(send, receive);
  issue(*send, 0, *receive);
  finish(2);
  EXPECT_EQ(forgotten, 1u);
}

// Two messages of a rank on two streams, of which the device would rather run the second;
// what the receiver copies first says which came first.
TEST_F(MessageOrders, CommunicationsOfARankFollowEachOther) {
  for (bool isSerialised : {false, true}) {
    queues.clear();
    make(std::string("0,policy=starve=0,messages=") + (isSerialised ? "serialised" : "rendezvous"));
    QueueOperation *send[2], *receive[2];
    for (uint32_t message : {0u, 1u}) {
      add(0, message, send[message]);
      add(1, message, receive[message]);
    }
    ASSERT_TRUE(transport->finishPreparation().ok());
    DeviceAddress before = onDevice(*device, Words(16));
    fill(0, before, 1);
    ASSERT_TRUE(send[0]->issue(0, *queues[0]).ok());
    // The receiver's end is on a queue of its own, so that only the sender's rank could
    // order the two.
    auto another = device->makeQueue(fb::StreamKind::Communication, "receiver's other");
    for (unsigned phase = 0; phase < 3; ++phase) {
      if (phase)
        ASSERT_TRUE(send[0]->issue(phase, *queues[0]).ok());
      ASSERT_TRUE(receive[0]->issue(phase, *another).ok());
    }
    issue(*send[1], 1, *receive[1]);
    finish(1);
    EXPECT_EQ(valueAt(before), isSerialised ? 1u : 0u);
  }
}

// The first of a step comes behind the last of the step before.
TEST_F(MessageOrders, StepsFollowEachOther) {
  make("0,policy=starve=0,messages=serialised");
  QueueOperation *send[2], *receive[2];
  for (uint32_t message : {0u, 1u}) {
    add(0, message, send[message]);
    add(1, message, receive[message]);
  }
  ASSERT_TRUE(transport->finishPreparation().ok());
  DeviceAddress before = onDevice(*device, Words(16));
  issue(*send[1], 1, *receive[1]);
  fill(0, before, 1);
  issue(*send[0], 0, *receive[0]);
  issue(*send[1], 1, *receive[1]); // of the next step
  finish(1);
  EXPECT_EQ(valueAt(before), 1u);
}
} // namespace
} // namespace dpcrt::test
