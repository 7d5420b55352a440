// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How ranks that are threads of the host exchange bytes: one table of functions, filled
// once per kind of transport. All operations of a program are known at load; a step starts each of
// them once and drives it to its end, without allocation.
#pragma once
#include "devices/HostDevice.h"
#include "transports/Specs.h"
#include <memory>
#include <string>
#include <vector>

namespace dpcrt {

// An exchange or collective of one rank. All functions but describe and wake are
// called by the rank's stream thread.
class Operation {
public:
  virtual ~Operation();
  // Both ends of nothing have to be here yet; steps count from 1 without gaps.
  virtual void start(uint32_t step) = 0;
  // Does what can be done now; true when the operation has ended. Holds the lane
  // only while it computes.
  virtual bool progress(Lane &lane) = 0;
  // Sleeps until progress may do something. Uses no core.
  virtual void wait() = 0;
  // After a progress that did not end it: when time alone moves it on. noDeadline:
  // only what another rank does.
  virtual int64_t movesAt() const { return noDeadline; }
  // Ends a wait early, when the run has failed.
  virtual void wake() = 0;
  // What it waits for, for messages about a hang.
  virtual std::string describe() const = 0;
};

class Transport {
public:
  virtual ~Transport();
  virtual const char *name() const = 0;
  // At load, for every operation of every rank; the operation belongs to the
  // transport.
  virtual Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers,
                             Operation *&out) = 0;
  virtual Status addCollective(uint32_t rank, const CollectiveSpec &spec, Operation *&out) = 0;
  // After the last one: every message and collective must have all its ends.
  virtual Status finishPreparation() = 0;
  // Wakes everything that waits.
  virtual void wakeAll() = 0;
};

} // namespace dpcrt
