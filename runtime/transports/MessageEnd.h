// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One end of a message between ranks that are threads of the host, wherever the other
// rank is. Driven by the operation that it is part of, by one thread at a time.
#pragma once
#include "devices/HostDevice.h"
#include "devices/Wait.h"

namespace dpcrt {

class MessageEnd {
public:
  virtual ~MessageEnd();
  // Steps count from 1 without gaps.
  virtual void start(uint32_t step) = 0;
  // Does what can be done now. True when it has ended: the bytes are there, or may be
  // overwritten. If time alone ends it, `due` becomes that time where it is earlier.
  virtual bool progress(Lane &lane, int64_t &due) = 0;
  // Whether the other end has come in this step; by any thread.
  virtual bool isMet() const = 0;
};

} // namespace dpcrt
