// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Messages whose other end is in another process, as a transport uses them.
#pragma once
#include "transports/MessageEnd.h"
#include "transports/Specs.h"
#include <memory>
#include <string>

namespace dpcrt {

// One end of such a message. Both ends say the same of it.
struct RemoteSpec {
  bool send;
  uint32_t rank, peer; // of this end, and of the other
  std::string what;    // "message 7"; unique among those from sender to receiver
  void *data;
  uint64_t bytes;
};

class RemoteMessages {
public:
  virtual ~RemoteMessages();
  // Whether this process runs the rank.
  virtual bool isHere(uint32_t rank) const = 0;
  // `bell` rings when the end may move on.
  virtual Status add(const RemoteSpec &spec, Bell &bell, std::unique_ptr<MessageEnd> &out) = 0;
  // After the last one, in all processes: an error if two processes do not say the same of
  // what goes between them. Waits for the others.
  virtual Status finishPreparation() = 0;
};

} // namespace dpcrt
