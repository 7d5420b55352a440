// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How ranks whose commands lie in queues exchange bytes: what Transport.h is for ranks
// that are threads. An operation waits for nothing; it enqueues commands that do.
#pragma once
#include "devices/Queue.h"
#include "transports/Specs.h"

namespace dpcrt {

// An exchange or collective of one rank. Its commands come in phases, because a queue
// waits for records that were made before: phase p is issued when every rank that takes
// part has issued its phases before p. The last phase leaves the queue where all of the
// operation has ended: what was received is there, what was sent may be overwritten.
class QueueOperation {
public:
  virtual ~QueueOperation();
  virtual unsigned phases() const = 0;
  // Into the rank's queue, always the same one. Called once per step for each phase, in
  // ascending order.
  virtual Status issue(unsigned phase, Queue &queue) = 0;
  // Errors that have come up since it was issued; called while the host waits for a step.
  virtual Status poll() = 0;
  // What it is, for messages about a hang.
  virtual std::string describe() const = 0;
};

class QueueTransport {
public:
  virtual ~QueueTransport();
  virtual const char *name() const = 0;
  // At load, for every operation of every rank; the operation belongs to the
  // transport.
  virtual Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers,
                             QueueOperation *&out) = 0;
  virtual Status addCollective(uint32_t rank, const CollectiveSpec &spec, QueueOperation *&out) = 0;
  // After the last one: every message and collective must have all its ends.
  virtual Status finishPreparation() = 0;
  // Between steps: whoever calls this sees to it that all that was issued is over when what is
  // issued next begins, so that nothing of it needs to be waited for. Before a capture, in which
  // nothing can wait for what is outside, and behind one (Queue.h).
  virtual void forgetSteps() {}
};

} // namespace dpcrt
