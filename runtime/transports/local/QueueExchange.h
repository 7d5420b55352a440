// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Exchanges between queues of one device, by events: everybody records where it stands, and
// waits for the records of those it deals with. Transfers of an exchange may all complete
// together, so that one record serves all of its messages.
#pragma once
#include "transports/QueueTransport.h"
#include "transports/local/LocalTransport.h"
#include "transports/local/Meetings.h"

namespace dpcrt {

class QueueExchange;

struct QueueMessage : MessageEnds {
  QueueExchange *sender = nullptr, *receiver = nullptr;
  DeviceAddress src;        // of a rendezvous
  DeviceAddress buffers[2]; // eager: of steps in turn
};

class QueueExchange : public QueueOperation {
public:
  // One more transfer; an error of the device's memory.
  virtual Status add(const TransferSpec &spec, QueueMessage &message);
  Status poll() override { return {}; }
  virtual void forgetSteps() {} // QueueTransport.h
  std::string describe() const override;

protected:
  struct Transfer {
    TransferSpec spec;
    QueueMessage *message;
  };
  std::vector<Transfer> transfers;
  bool sends = false, receives = false;
};

// Neither end goes on before the other has come: the receiver's queue copies straight from
// the sender's buffer, and the sender's queue waits until it has. What is received occupies
// its queue for the link's time, if that is emulated, on a device that is told times.
std::unique_ptr<QueueExchange> makeRendezvousExchange(QueueDevice &device, const Link &link);

// The sender's queue copies into a buffer of the message, and goes on. A message has two, so
// that a step waits for the receiver in the step before last only.
std::unique_ptr<QueueExchange> makeEagerExchange(QueueDevice &device);

} // namespace dpcrt
