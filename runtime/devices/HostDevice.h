// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A device that is the host itself: a command is over when its function returns, and
// threads of the host, one for each stream, call one after the other. Functions with a
// Lane are called by the lane's thread only.
#pragma once
#include "devices/Device.h"
#include <memory>

namespace dpcrt {

// A stream's right to use the device: a core token.
class Lane {
public:
  virtual ~Lane();
  // Before a command that computes. Returns the nanoseconds waited for a core.
  virtual int64_t enter() = 0;
  // Before waiting for anything, and at the end of a step.
  virtual void leave() = 0;
  // Between commands: lets others compute if they have waited long enough.
  // Returns whether the lane was given up (enter takes it again).
  virtual bool yield() = 0;
};

// Within steps, streams' threads also call `upload` and `download`, several at a time.
class HostDevice : public Device {
public:
  HostDevice *host() override { return this; }

  virtual std::unique_ptr<Lane> makeLane() = 0;
  // Where libraries of the host that move bytes to other processes find these; between
  // steps and within, as the program orders it.
  virtual void *hostPointer(DeviceAddress address) = 0;

  // buffers: the arguments in order.
  virtual void launch(Lane &lane, const PreparedLaunch &kernel, const DeviceAddress *buffers,
                      size_t count) = 0;
  // buffers: the call's operands in order.
  virtual Status call(Lane &lane, const PreparedCall &call, const DeviceAddress *buffers) = 0;
  // Messages are copied without having entered the lane.
  virtual void copy(Lane &lane, DeviceAddress dst, DeviceAddress src, uint64_t bytes) = 0;
  virtual void fill(Lane &lane, DeviceAddress dst, uint32_t pattern, uint64_t bytes) = 0;
  // dst[i] = sources[0][i] + sources[1][i] + ..., in this order; dst may be one of
  // the sources. `dtype` is one of isSummed(); those of 16 bits are added in f32 and
  // rounded once.
  virtual void reduce(Lane &lane, DeviceAddress dst, const DeviceAddress *sources,
                      size_t sourceCount, uint64_t count, Element dtype) = 0;
};

} // namespace dpcrt
