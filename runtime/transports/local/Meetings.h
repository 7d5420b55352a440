// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which ends of messages and which members of collectives have been added to a transport
// of one process, and whether they fit together.
#pragma once
#include "transports/Specs.h"
#include <map>
#include <memory>
#include <tuple>

namespace dpcrt {

// What every transport knows of a message.
struct MessageEnds {
  bool hasSender = false, hasReceiver = false;
  uint64_t sendBytes = 0, receiveBytes = 0;
};

using MessageKey = std::tuple<uint32_t, uint32_t, uint32_t>; // message, sender, receiver
// One more end; an error if it is there already.
Status addEnd(const MessageKey &key, const TransferSpec &spec, MessageEnds &ends);
// Error unless both ends are there, with as many bytes.
Status checkEnds(const MessageKey &key, const MessageEnds &ends);

// `Message`: MessageEnds with what a transport keeps beside them.
template <typename Message> class Messages {
public:
  // The message of a transfer, which becomes one of its ends.
  Status add(uint32_t rank, const TransferSpec &spec, Message *&out) {
    MessageKey key{spec.message, spec.send ? rank : spec.peer, spec.send ? spec.peer : rank};
    std::unique_ptr<Message> &message = all[key];
    if (!message)
      message = std::make_unique<Message>();
    out = message.get();
    return addEnd(key, spec, *message);
  }
  Status check() const {
    for (auto &[key, message] : all)
      if (Status s = checkEnds(key, *message); !s.ok())
        return s;
    return {};
  }

private:
  std::map<MessageKey, std::unique_ptr<Message>> all;
};

// What every transport knows of a collective: the first member's part of it, and the
// addresses of all.
struct CollectiveMembers {
  CollectiveSpec spec;
  std::vector<bool> joined;
  std::vector<DeviceAddress> src, dst;

  // One more member; `self`: its position. An error if it is none, has joined or differs
  // from the first.
  Status add(uint32_t rank, const CollectiveSpec &own, size_t &self);
  // Error unless all have joined.
  Status check() const;

  // Elements of all-reduce that member i sums; the same elements whatever else is
  // split, and each element by one member in the order of members.
  uint64_t chunkBegin(size_t i) const {
    uint64_t n = spec.srcBytes / sizeOf(spec.dtype), members = spec.members.size();
    return n / members * i + n % members * i / members;
  }
};

} // namespace dpcrt
