// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a device can do: one table of functions, filled once per kind of device.
// The executor knows nothing else about devices. A device is shared by all ranks
// of a process that use it; functions without a Lane are called at load by one
// thread, functions with one are called by the lane's thread only.
#pragma once
#include "program/format/KernelTable.h"
#include "program/format/Program.h"
#include "program/format/Status.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dpcrt {

// A stream's right to use the device: a core token on a CPU, a stream on a GPU.
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

// A kernel or library call made ready at load; owned by the device, which keeps
// in its own kind of these what it needs.
class PreparedLaunch {
public:
  virtual ~PreparedLaunch();
};
class PreparedCall {
public:
  virtual ~PreparedCall();
};

// The host writes constants, weights and step records to what `allocate` gives, and
// reads results from it, by the pointer.
class Device {
public:
  virtual ~Device();
  virtual const char *name() const = 0;

  // Memory, zero-filled, aligned to 64 bytes. `host`: for the host's use (step
  // records, offload). Owned by the device.
  virtual Status allocate(uint64_t bytes, bool host, void *&out) = 0;

  // Opens the kernels of a target: their code, and how each is run; checks `features`
  // first.
  virtual Status openKernels(const std::string &path, KernelTable table,
                             const std::vector<std::string> &features) = 0;
  virtual Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) = 0;
  virtual Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) = 0;
  // Allocates scratch after everything is prepared.
  virtual Status finishPreparation() = 0;
  virtual uint64_t scratchBytes() const = 0;

  virtual std::unique_ptr<Lane> makeLane() = 0;

  // buffers: the arguments in order.
  virtual void launch(Lane &lane, const PreparedLaunch &kernel, void *const *buffers,
                      size_t count) = 0;
  // buffers: the call's operands in order.
  virtual Status call(Lane &lane, const PreparedCall &call, void *const *buffers) = 0;
  virtual void copy(Lane &lane, void *dst, const void *src, uint64_t bytes) = 0;
  virtual void fill(Lane &lane, void *dst, uint32_t pattern, uint64_t bytes) = 0;
  // dst[i] = sources[0][i] + sources[1][i] + ..., in this order; dst may be one of
  // the sources. `dtype` is one of isSummed(); those of 16 bits are added in f32 and
  // rounded once.
  virtual void reduce(Lane &lane, void *dst, const void *const *sources, size_t sourceCount,
                      uint64_t count, Element dtype) = 0;
};

} // namespace dpcrt
